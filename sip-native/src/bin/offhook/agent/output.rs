//! Notifications to standard output.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use offhook::ListenAddr;
use offhook::core::control::Notification;
use tokio::sync::Notify;

/// Prints lines on a thread of its own: a reader that is slow must not hold up the agent's timers.
#[derive(Clone)]
pub(super) struct Output {
    lines: Sender<String>,
    broken: Arc<Notify>,
}

/// The printing thread.
pub(super) struct Printer(JoinHandle<()>);

impl Output {
    pub(super) fn to_stdout() -> (Output, Printer) {
        let (lines, waiting) = mpsc::channel();
        let broken = Arc::new(Notify::new());
        let output = Output { lines, broken: broken.clone() };
        let printer = thread::spawn(move || {
            if print(&waiting).is_err() {
                broken.notify_one();
            }
        });
        (output, Printer(printer))
    }

    pub(super) fn print(&self, notification: &Notification) {
        // Nobody reads any more once the printer has ended, which is told by `broken`.
        drop(self.lines.send(notification.to_json()));
    }

    /// Says where the agent can be reached.
    pub(super) fn listening(&self, listen: ListenAddr) {
        let transport = listen.transport.via().to_ascii_lowercase();
        self.print(&Notification::Listening { transport, local: listen.addr.to_string() });
    }

    /// Returns when standard output has gone.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }
}

impl Printer {
    /// Waits until everything is printed. Every [`Output`] must be gone.
    pub(super) fn finish(self) {
        // A printer that panicked has nothing left to print.
        let _ = self.0.join();
    }
}

/// Prints what waits, then flushes, until nothing can come any more.
fn print(waiting: &Receiver<String>) -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    while let Ok(line) = waiting.recv() {
        writeln!(output, "{line}")?;
        for line in waiting.try_iter() {
            writeln!(output, "{line}")?;
        }
        output.flush()?;
    }
    Ok(())
}
