//! Reading a log where nothing can be written beside it: on a read-only mount, in a folder of somebody else.
//!
//! SQLite reads a file in WAL mode only with its shared memory file, and cannot make that there. It needs none where the file is
//! promised not to change (`immutable`). The promise is kept by the lock that an owner would take, and it holds only for a log that was closed
//! in order: what lies in a WAL would not be seen.

use std::{
    fs::{self, File},
    path::Path,
};

use rusqlite::{Connection, OpenFlags};

use super::{LOCK_FILE, file};

/// A log that nobody writes to as long as this lives.
pub(super) struct Still(#[expect(dead_code, reason = "held, not used")] File);

impl Still {
    /// Keeps owners away. `None` where one is there, or where what it wrote last is not in the file yet.
    pub(super) fn hold(path: &Path) -> Option<Self> {
        let lock = File::open(path.with_file_name(LOCK_FILE)).ok()?;
        lock.try_lock_shared().ok()?;
        match fs::metadata(file::beside(path, "-wal")) {
            Ok(wal) if wal.len() > 0 => None,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => None,
            _ => Some(Self(lock)),
        }
    }

    pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
        let mut uri = String::from("file:");
        for byte in path.as_os_str().as_encoded_bytes() {
            match byte {
                b'/' | b'-' | b'.' | b'_' => uri.push(char::from(*byte)),
                byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
                byte => uri.push_str(&format!("%{byte:02x}")),
            }
        }
        uri.push_str("?immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LogError,
        embedded::{EmbeddedLog, Options},
    };

    #[test]
    fn a_log_that_is_read_without_a_shared_memory_file_has_no_owner_and_gets_none() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("50% of ?, #1 ä");
        let path = folder.join(super::super::FILE);
        let owned = EmbeddedLog::open(&folder, Options::default()).unwrap();
        assert!(Still::hold(&path).is_none(), "it has an owner");
        drop(owned);
        let still = Still::hold(&path).unwrap();
        assert!(file::open_reader(&path, Some(&still)).is_ok());
        assert!(matches!(EmbeddedLog::open(&folder, Options::default()), Err(LogError::InUse { .. })));
        drop(still);
        fs::write(folder.join("hark.db-wal"), "what a worker that was killed wrote last").unwrap();
        assert!(Still::hold(&path).is_none(), "what lies in the WAL would not be seen");
    }
}
