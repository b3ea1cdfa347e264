//! `offhook agent` for people: a live view on a terminal, lines otherwise.

mod desk;
mod orders;
mod phone;
mod screen;

use std::io::{self, BufRead, IsTerminal, stdin, stdout};
use std::thread;
use std::time::{Duration, Instant};

use offhook::Driver;
use offhook::core::control::{AgentConfig, Control, Notification};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Args;
use crate::failure::{Code, Failure};
use crate::options::Way;
use crate::print::{clock, line};
use crate::session::Interrupts;
use desk::{Desk, Tone};
use phone::{Next, Phone};

/// How often what changes by itself is drawn: durations.
const TICK: Duration = Duration::from_millis(250);

/// How long a goodbye may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What comes from whoever sits there.
enum Input {
    Key(KeyEvent),
    /// The terminal has another size.
    Redraw,
    Line(String),
    /// The end of the input.
    Over,
}

pub(super) async fn run(args: &Args, config: AgentConfig) -> Result<(), Failure> {
    let shared = &args.shared;
    let aor = config.aor.clone();
    let registers = shared.account.server.is_some() && !args.no_register;
    let way = Way::find(shared, None).await?;
    let seed = offhook::seed().map_err(|error| Failure::io("no randomness", &error))?;
    let control = super::control(config, seed)?;
    let sockets = shared.network.sockets(shared.network.listen(shared.account.server.as_deref()))?;
    let (told, notifications) = mpsc::unbounded_channel();
    // Whoever has gone does not listen.
    let driver = sockets.apply(Driver::builder::<Control>(control)).spawn(move |said| drop(told.send(said)));
    let handle = driver.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    let now = Instant::now();
    let mut desk = Desk::new(&aor, now);
    for listen in handle.local_addrs() {
        let transport = listen.transport.via().to_ascii_lowercase();
        desk.hear(&Notification::Listening { transport, local: listen.addr.to_string() }, now);
    }
    let mut phone = Phone::new(desk, handle.clone(), way.local);
    if registers {
        phone.register();
    }
    let terminal = stdin().is_terminal() && stdout().is_terminal() && !args.plain;
    let served =
        if terminal { on_terminal(&mut phone, notifications).await } else { in_lines(&mut phone, notifications).await };
    phone.shutdown();
    // What does not end in order ends here.
    let _ = timeout(PATIENCE, handle.stopped()).await;
    handle.stop();
    served.map_err(|error| Failure::io("the terminal", &error))
}

type Notifications = mpsc::UnboundedReceiver<Notification>;

/// The live view. The terminal is as before when it ends, also by a panic.
async fn on_terminal(phone: &mut Phone, notifications: Notifications) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let served = view(phone, notifications, &mut terminal).await;
    ratatui::restore();
    served
}

async fn view(phone: &mut Phone, mut notifications: Notifications, terminal: &mut DefaultTerminal) -> io::Result<()> {
    let mut inputs = keys();
    let mut interrupts = Interrupts::new()?;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut typed = String::new();
    loop {
        let now = Instant::now();
        phone.desk.tidy(now);
        terminal.draw(|frame| screen::draw(frame, &phone.desk, &typed, now))?;
        tokio::select! {
            said = notifications.recv() => match said {
                Some(said) => phone.hear(&said),
                None => return Ok(()),
            },
            input = inputs.recv() => match input {
                Some(Input::Key(key)) => {
                    if let Next::Quit = on_key(phone, &mut typed, key) {
                        return Ok(());
                    }
                }
                Some(_) => {}
                None => return Ok(()),
            },
            _ = ticks.tick() => {}
            () = interrupts.next() => return Ok(()),
        }
    }
}

fn on_key(phone: &mut Phone, typed: &mut String, key: KeyEvent) -> Next {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => return Next::Quit,
        KeyCode::Char('u') if control => typed.clear(),
        KeyCode::Char(letter) if !control => typed.push(letter),
        KeyCode::Backspace => drop(typed.pop()),
        KeyCode::Up => phone.desk.choose(false),
        KeyCode::Down | KeyCode::Tab => phone.desk.choose(true),
        KeyCode::F(2) => phone.toggle_hold(),
        // Esc takes back what is typed before it hangs up.
        KeyCode::Esc if !typed.is_empty() => typed.clear(),
        KeyCode::Esc => phone.hang_up_chosen(),
        KeyCode::Enter if typed.trim().is_empty() => {
            typed.clear();
            phone.answer_chosen();
        }
        KeyCode::Enter => return phone.obey(&std::mem::take(typed)),
        _ => {}
    }
    Next::Go
}

/// Lines in, lines out.
async fn in_lines(phone: &mut Phone, mut notifications: Notifications) -> io::Result<()> {
    let mut inputs = lines();
    let mut interrupts = Interrupts::new()?;
    loop {
        for said in phone.desk.log.drain(..) {
            // Its own echo is not needed where the line itself is seen.
            if said.tone != Tone::Own {
                line(&format_args!("{:>7}  {}", clock(said.at), said.words));
            }
        }
        tokio::select! {
            said = notifications.recv() => match said {
                Some(said) => {
                    let before = (phone.desk.registration.clone(), phone.desk.transport.clone());
                    phone.hear(&said);
                    phone.tell_changes(&before);
                }
                None => return Ok(()),
            },
            input = inputs.recv() => match input {
                Some(Input::Line(text)) => {
                    if let Next::Quit = phone.obey(&text) {
                        return Ok(());
                    }
                }
                Some(Input::Over) | None => return Ok(()),
                Some(_) => {}
            },
            () = interrupts.next() => return Ok(()),
        }
        phone.desk.tidy(Instant::now());
    }
}

/// Keys, read by a thread of their own, which may wait for one for ever and ends with the process.
fn keys() -> mpsc::UnboundedReceiver<Input> {
    let (told, inputs) = mpsc::unbounded_channel();
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            let input = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key),
                Event::Resize(..) => Input::Redraw,
                _ => continue,
            };
            if told.send(input).is_err() {
                return;
            }
        }
    });
    inputs
}

/// Lines, likewise.
fn lines() -> mpsc::UnboundedReceiver<Input> {
    let (told, inputs) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for text in stdin().lock().lines().map_while(Result::ok) {
            if told.send(Input::Line(text)).is_err() {
                return;
            }
        }
        // Whoever has gone needs no end.
        let _ = told.send(Input::Over);
    });
    inputs
}
