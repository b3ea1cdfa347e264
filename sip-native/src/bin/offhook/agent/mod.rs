//! `offhook agent`: a user agent for scripts, one JSON command a line in, one JSON notification a line out; and for people.

mod config;
mod lines;
mod live;
mod output;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use offhook::core::control::{
    AgentConfig, Command, Commands, Control, ErrorValue, Kind, Notification, Part, Recipient,
};
use offhook::core::transport::Sharding;
use offhook::{Driver, DriverBuilder, Handle};
use tokio::sync::mpsc;
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
    if !args.json {
        return block_on(live::run(&args, config));
    }
    let seed = || offhook::seed().map_err(|error| Failure::io("no randomness", &error));
    let sharding = Sharding::new(args.shards(), seed()?);
    let controls = match sharding.count() {
        1 => vec![control(config, seed()?)?],
        _ => Control::sharded(config, &sharding, seed()?).map_err(refused)?,
    };
    let Shared { account, network } = &args.shared;
    let sockets = network.sockets(network.listen(account.server.as_deref()))?;
    let work = async {
        let served = serve(sockets.apply(Driver::sharded(controls, sharding)), Commands::new(sharding)).await;
        served.map_err(|error| Failure::new(Code::Failed, error.to_string()))
    };
    if sharding.count() == 1 {
        return block_on(work);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(sharding.count()).enable_all().build();
    runtime.map_err(|error| Failure::io("no runtime", &error))?.block_on(work)
}

/// The machine, if the settings are good.
fn control(config: AgentConfig, seed: [u8; 32]) -> Result<Control, Failure> {
    Control::new(config, seed).map_err(refused)
}

fn refused(error: ErrorValue) -> Failure {
    match error {
        ErrorValue::Input { field, message, .. } => Failure::usage(format!("{field}: {message}")),
        error => Failure::usage(format!("{error:?}")),
    }
}

/// Runs the agent until it has shut down: by command, at the end of the input, or by a signal.
async fn serve(driver: DriverBuilder<Control>, mut commands: Commands) -> io::Result<()> {
    let (output, printer) = Output::to_stdout();
    let notifications = output.clone();
    // The first shard's end is the last that is told, also where others end later.
    let (ended, mut end) = mpsc::unbounded_channel();
    let handles = driver.spawn_shards(move |_, notification| match notification {
        Notification::Result { id: OWN, .. } | Notification::Error { id: OWN, .. } => {}
        Notification::Stopped { .. } => drop(ended.send(notification)),
        notification => notifications.print(&notification),
    })?;
    for listen in handles.first().map(Handle::local_addrs).unwrap_or_default() {
        output.listening(*listen);
    }
    let (mut lines, mut interrupted) = (lines::read_stdin(), Interrupts::new()?);
    loop {
        tokio::select! {
            () = stopped(&handles) => break,
            line = lines.recv() => match line {
                Some(Ok(command)) => post(&handles, &mut commands, command),
                Some(Err(bad)) => output.print(&Notification::from(bad)),
                None => break,
            },
            () = interrupted.next() => break,
            () = output.broken() => break,
        }
    }
    post(&handles, &mut commands, Command::new(OWN, Kind::Shutdown));
    tokio::select! {
        () = stopped(&handles) => {}
        // A second signal does not wait.
        () = interrupted.next() => {}
        () = sleep(PATIENCE) => {}
    }
    // Whatever has not ended by now is closed.
    handles.iter().for_each(Handle::stop);
    stopped(&handles).await;
    if let Ok(stopped) = end.try_recv() {
        output.print(&stopped);
    }
    drop((handles, output));
    printer.finish();
    Ok(())
}

async fn stopped(handles: &[Handle<Control>]) {
    for handle in handles {
        handle.stopped().await;
    }
}

/// Gives a command to whom it is for. An agent that has stopped has said so.
fn post(handles: &[Handle<Control>], commands: &mut Commands, command: Command) {
    match commands.recipient(&command) {
        Recipient::One(index) => {
            if let Some(handle) = handles.get(index) {
                let _ = handle.post(move |control, now| control.command(now, command));
            }
        }
        Recipient::All => {
            for (index, handle) in handles.iter().enumerate() {
                // The first one's result is told.
                let mut command = command.clone();
                if index > 0 {
                    command.id = OWN;
                }
                let _ = handle.post(move |control, now| control.command(now, command));
            }
        }
        Recipient::Each => gather(handles.into(), 0, command, Vec::new()),
        Recipient::Across { call, other } => {
            let (Some(call), Some(other)) = (handles.get(call).cloned(), handles.get(other)) else { return };
            let _ = other.post(move |control, _| {
                let consulted = control.consulted(&command);
                let _ = call.post(move |control, now| control.transfer_across(now, command, consulted));
            });
        }
    }
}

/// Asks one after another for its part of an answer, then has the first give it.
fn gather(handles: Arc<[Handle<Control>]>, next: usize, command: Command, mut parts: Vec<Part>) {
    let Some(handle) = handles.get(next).cloned() else {
        if let Some(first) = handles.first() {
            let _ = first.post(move |control, _| control.answer_with(&command, parts));
        }
        return;
    };
    let _ = handle.post(move |control, _| {
        parts.push(control.part(&command));
        gather(handles, next + 1, command, parts);
    });
}
