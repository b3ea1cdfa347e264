//! `offhook agent`: a user agent for scripts, one JSON command a line in, one JSON notification a line out.

mod config;
mod lines;
mod output;

use std::io;
use std::time::Duration;

use offhook::core::control::{Command, Control, ErrorValue, Kind, Notification};
use offhook::{Driver, DriverBuilder, Handle};
use tokio::time::sleep;

use crate::failure::{Code, Failure};
use crate::options::Shared;
use crate::session::{Interrupts, block_on};
use output::Output;

pub(crate) use config::Args;

/// The number of the shutdown that nobody asked for by command; its result is kept back.
const OWN: u32 = u32::MAX;

/// How long a shutdown may take before the sockets are closed all the same; the agent's own deadline is 2 s.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(mut args: Args) -> Result<(), Failure> {
    args.shared = args.shared.completed()?;
    let config = args.config()?;
    let seed = offhook::seed().map_err(|error| Failure::io("no randomness", &error))?;
    let control = Control::new(config, seed).map_err(|error| match error {
        ErrorValue::Input { field, message, .. } => Failure::usage(format!("{field}: {message}")),
        error => Failure::usage(format!("{error:?}")),
    })?;
    let Shared { account, network } = &args.shared;
    let sockets = network.sockets(network.listen(account.server.as_deref()))?;
    block_on(async {
        serve(sockets.apply(Driver::builder(control)))
            .await
            .map_err(|error| Failure::new(Code::Failed, error.to_string()))
    })
}

/// Runs the agent until it has shut down: by command, at the end of the input, or by a signal.
async fn serve(driver: DriverBuilder<Control>) -> io::Result<()> {
    let (output, printer) = Output::to_stdout();
    let notifications = output.clone();
    let handle = driver.spawn(move |notification| match notification {
        Notification::Result { id: OWN, .. } => {}
        notification => notifications.print(&notification),
    })?;
    for listen in handle.local_addrs() {
        output.listening(*listen);
    }
    let (mut lines, mut interrupted) = (lines::read_stdin(), Interrupts::new()?);
    loop {
        tokio::select! {
            () = handle.stopped() => break,
            line = lines.recv() => match line {
                Some(Ok(command)) => post(&handle, command),
                Some(Err(bad)) => output.print(&Notification::from(bad)),
                None => break,
            },
            () = interrupted.next() => break,
            () = output.broken() => break,
        }
    }
    post(&handle, Command::new(OWN, Kind::Shutdown));
    tokio::select! {
        () = handle.stopped() => {}
        // A second signal does not wait.
        () = interrupted.next() => {}
        () = sleep(PATIENCE) => {}
    }
    // Whatever has not ended by now is closed.
    handle.stop();
    handle.stopped().await;
    drop((handle, output));
    printer.finish();
    Ok(())
}

fn post(handle: &Handle<Control>, command: Command) {
    // An agent that has stopped has said so.
    let _ = handle.post(move |control, now| control.command(now, command));
}
