//! `offhook agent`: a user agent for scripts, one JSON command a line in, one JSON notification a line out.

mod config;
mod lines;
mod output;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use offhook::core::control::{Command, Control, ErrorValue, Kind, Notification};
use offhook::{Driver, DriverBuilder, Handle};
use tokio::signal;
use tokio::time::sleep;

use crate::{FAILED, USAGE};
use config::{Listen, Protocol};
use output::Output;

pub(crate) use config::Args;

/// The number of the shutdown that nobody asked for by command; its result is kept back.
const OWN: u32 = u32::MAX;

/// How long a shutdown may take before the sockets are closed all the same; the agent's own deadline is 2 s.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &Args) -> ExitCode {
    let (config, seed) = match (args.config(), offhook::seed()) {
        (Ok(config), Ok(seed)) => (config, seed),
        (Err(words), _) => return complain(USAGE, &words),
        (_, Err(error)) => return complain(FAILED, &format!("no randomness: {error}")),
    };
    let control = match Control::new(config, seed) {
        Ok(control) => control,
        Err(ErrorValue::Input { field, message, .. }) => return complain(USAGE, &format!("{field}: {message}")),
        Err(error) => return complain(USAGE, &format!("{error:?}")),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(FAILED, &error.to_string()),
    };
    let driver = match driver(control, args) {
        Ok(driver) => driver,
        Err(words) => return complain(USAGE, &words),
    };
    match runtime.block_on(serve(driver)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(FAILED, &error.to_string()),
    }
}

/// A driver that listens where it shall.
fn driver(control: Control, args: &Args) -> Result<DriverBuilder<Control>, String> {
    let mut driver = Driver::builder(control);
    if let Some(capture) = args.capture()? {
        driver = driver.capture(capture);
    }
    #[cfg(feature = "tls")]
    let (client, server) = args.tls()?;
    #[cfg(feature = "tls")]
    let certified = || server.clone().ok_or("to receive over TLS takes --tls-certificate and --tls-key");
    #[cfg(feature = "tls")]
    {
        driver = driver.client_tls(client);
    }
    for Listen { protocol, address } in args.listen() {
        driver = match protocol {
            Protocol::Udp => driver.udp(address),
            Protocol::Tcp => driver.tcp(address),
            Protocol::Ws => driver.ws(address),
            #[cfg(feature = "tls")]
            Protocol::Tls => driver.tls(address, certified()?),
            #[cfg(feature = "tls")]
            Protocol::Wss => driver.wss(address, certified()?),
        };
    }
    Ok(driver)
}

fn complain(code: u8, words: &str) -> ExitCode {
    eprintln!("offhook agent: {words}");
    ExitCode::from(code)
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

/// Ctrl-C, and on Unix the signal to terminate.
struct Interrupts {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
}

impl Interrupts {
    fn new() -> io::Result<Interrupts> {
        Ok(Interrupts {
            #[cfg(unix)]
            terminate: signal::unix::signal(signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
    }
}
