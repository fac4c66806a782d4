//! Lines from a pipe: no cursor, since what went through it cannot be read again.

use std::{
    io::Read,
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{FileError, batch::Batch, lines::Lines, run::Outbox};
use crate::{Publisher, SourceContext};

/// As cursors, dead letters and logs name it.
const NAME: &str = "-";
const CHUNK: usize = 64 * 1024;
/// Pieces that wait between the reading thread and the parsing one.
const PIECES: usize = 4;
/// How late a cancellation may be noticed while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Publishes every line until the input ends or `shutdown` is cancelled.
pub(super) fn run(
    input: impl Read + Send + 'static,
    context: &SourceContext,
    publisher: &Publisher,
    shutdown: &CancellationToken,
) -> Result<(), FileError> {
    let (sender, pieces) = sync_channel(PIECES);
    // A read from a terminal or pipe cannot be interrupted: at shutdown the thread is left to the end of the process.
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || read(input, &sender))
        .map_err(FileError::Stdin)?;
    let mut lines = Lines::default();
    let mut outbox = Outbox::new(publisher, shutdown);
    loop {
        match pieces.recv_timeout(LOOK_EVERY) {
            Ok(Ok(piece)) => lines.feed(&piece),
            Ok(Err(error)) => return Err(FileError::Stdin(error)),
            Err(RecvTimeoutError::Timeout) if shutdown.is_cancelled() => return outbox.drain(),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        loop {
            let mut batch = Batch::new(context, NAME);
            while !batch.is_full()
                && let Some(line) = lines.next()
            {
                batch.add(&line);
            }
            let (outputs, tally) = batch.finish();
            if outputs.is_empty() {
                break;
            }
            outbox.send(outputs, tally)?;
        }
        if shutdown.is_cancelled() {
            return outbox.drain();
        }
    }
    let mut batch = Batch::new(context, NAME);
    if let Some(line) = lines.rest() {
        batch.add(&line);
    }
    let (outputs, tally) = batch.finish();
    if !outputs.is_empty() {
        outbox.send(outputs, tally)?;
    }
    outbox.drain()
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
