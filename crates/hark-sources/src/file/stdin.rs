//! Lines from a pipe: no cursor, since what went through it cannot be read again.

use std::{
    io::Read,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{FileError, batch::Batch, lines::Lines, outbox::Outbox};
use crate::{Publisher, SourceContext};

/// As cursors, dead letters and logs name it.
const NAME: &str = "-";
const CHUNK: usize = 64 * 1024;
/// Pieces that wait between the reading thread and the parsing one.
const PIECES: usize = 4;
/// How late a cancellation may be noticed while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Publishes every line until the input ends or `shutdown` is cancelled. Returns the bytes that were read by then and are not
/// handed over: nobody can read them again.
pub(super) fn run(
    input: impl Read + Send + 'static,
    context: &SourceContext,
    publisher: &Publisher,
    shutdown: &CancellationToken,
) -> Result<u64, FileError> {
    let (sender, pieces) = sync_channel(PIECES);
    // A read from a terminal or pipe cannot be interrupted: at shutdown the thread is left to the end of the process.
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || read(input, &sender))
        .map_err(FileError::Stdin)?;
    let mut lines = Lines::default();
    let mut outbox = Outbox::new(publisher, shutdown);
    let mut handed_over = 0;
    while !shutdown.is_cancelled() {
        match pieces.recv_timeout(LOOK_EVERY) {
            Ok(Ok(piece)) => lines.feed(&piece),
            Ok(Err(error)) => return Err(FileError::Stdin(error)),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                let mut batch = Batch::new(context, NAME);
                if let Some(line) = lines.rest() {
                    batch.add(&line);
                }
                let (outputs, tally) = batch.finish();
                if outputs.is_empty() || outbox.send(outputs, tally)? {
                    handed_over = lines.position().offset;
                }
                break;
            }
        }
        loop {
            let mut batch = Batch::new(context, NAME);
            while !batch.is_full()
                && let Some(line) = lines.next()
            {
                batch.add(&line);
            }
            let (outputs, tally) = batch.finish();
            let is_empty = outputs.is_empty();
            if !is_empty && !outbox.send(outputs, tally)? {
                break;
            }
            handed_over = lines.position().offset;
            if is_empty {
                break;
            }
        }
    }
    let left = lines.read_to() - handed_over + waiting(&pieces);
    outbox.drain()?;
    Ok(left)
}

/// Bytes of the pieces that were read and not taken yet.
fn waiting(pieces: &Receiver<std::io::Result<Vec<u8>>>) -> u64 {
    // The reading thread may put one more behind those that wait, for ever where the input never ends.
    pieces.try_iter().take(PIECES + 1).flatten().map(|piece| piece.len() as u64).sum()
}

fn read(mut input: impl Read, sender: &SyncSender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; CHUNK];
        let read = input.read(&mut piece).map(|read| {
            piece.truncate(read);
            piece
        });
        let ended = match &read {
            Ok(piece) if piece.is_empty() => return,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(_) => false,
            Err(_) => true,
        };
        if sender.send(read).is_err() || ended {
            return;
        }
    }
}
