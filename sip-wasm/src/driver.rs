//! The loop: sockets and timers in, the core's outputs out.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use offhook_core::control::{Control, Notification};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, Machine, Output, Path, Target};

use crate::clock::Clock;
use crate::socket::{Socket, SocketEvent};

/// A browser's timer takes a 32-bit number of milliseconds; waking up once an hour is harmless.
const LONGEST_TIMEOUT: u64 = 3_600_000;

/// Runs a [`Control`] on the runtime's event loop.
pub(crate) struct Driver {
    weak: Weak<Driver>,
    clock: Clock,
    control: RefCell<Control>,
    sockets: RefCell<HashMap<FlowId, Socket>>,
    timeout: RefCell<Option<Timeout>>,
    armed: Cell<Option<Instant>>,
    notify: Box<dyn Fn(Notification)>,
}

impl Driver {
    pub(crate) fn new(control: Control, notify: impl Fn(Notification) + 'static) -> Rc<Driver> {
        Rc::new_cyclic(|weak| Driver {
            weak: weak.clone(),
            clock: Clock::new(),
            control: RefCell::new(control),
            sockets: RefCell::new(HashMap::new()),
            timeout: RefCell::new(None),
            armed: Cell::new(None),
            notify: Box::new(notify),
        })
    }

    /// One input, then everything that comes of it. An application that is told something may call back in here: no
    /// borrow is held while it is told, and outputs are taken one at a time, so their order stays.
    pub(crate) fn feed(&self, input: impl FnOnce(&mut Control, Instant)) {
        input(&mut self.control.borrow_mut(), self.clock.now());
        loop {
            let output = self.control.borrow_mut().poll_output();
            match output {
                None => break,
                Some(Output::Event(notification)) => (self.notify)(notification),
                Some(Output::Transmit { path, bytes }) => self.transmit(path, &bytes),
                Some(Output::OpenFlow { flow, target }) => self.open(flow, &target),
                Some(Output::CloseFlow { flow }) => {
                    self.sockets.borrow_mut().remove(&flow);
                }
                // A browser resolves names by itself, so the core has nothing to ask but by mistake.
                Some(Output::Resolve { query, .. }) => {
                    let now = self.clock.now();
                    let error = FlowError::new(FlowErrorKind::Unsupported, "a browser cannot look names up");
                    self.control.borrow_mut().resolved(now, query, Err(error));
                }
                Some(Output::Lookup { query, .. }) => {
                    let now = self.clock.now();
                    let error = FlowError::new(FlowErrorKind::Unsupported, "a browser cannot look records up");
                    self.control.borrow_mut().looked_up(now, query, Err(error));
                }
                Some(_) => {}
            }
        }
        self.arm();
    }

    fn transmit(&self, path: Path, bytes: &[u8]) {
        let failed = match self.sockets.borrow().get(&path.flow) {
            Some(socket) => socket.send(bytes).is_err(),
            None => false, // closed meanwhile: the core has been told
        };
        if failed {
            self.lose(path.flow, FlowError::new(FlowErrorKind::Lost, "the WebSocket takes nothing any more"));
        }
    }

    fn open(&self, flow: FlowId, target: &Target) {
        if !target.transport.is_websocket() {
            let error = FlowError::new(
                FlowErrorKind::Unsupported,
                "a browser speaks SIP over WebSocket only (ws:// or wss://)",
            );
            return self.lose(flow, error);
        }
        let weak = self.weak.clone();
        let opened = Socket::open(&target.url(), move |event| {
            if let Some(driver) = weak.upgrade() {
                driver.on_socket(flow, event);
            }
        });
        match opened {
            Ok(socket) => {
                self.sockets.borrow_mut().insert(flow, socket);
            }
            Err(error) => {
                let words = js_sys::Reflect::get(&error, &"message".into()).ok().and_then(|words| words.as_string());
                let words = words.unwrap_or_else(|| "the WebSocket could not be made".into());
                self.lose(flow, FlowError::new(FlowErrorKind::Refused, &words));
            }
        }
    }

    fn on_socket(&self, flow: FlowId, event: SocketEvent) {
        match event {
            SocketEvent::Message(bytes) => {
                let path = Path { flow, remote: Path::UNKNOWN };
                self.feed(|control, now| control.receive(now, path, bytes));
            }
            SocketEvent::Open => {
                let change = FlowChange::Connected { local: Path::UNKNOWN, remote: Path::UNKNOWN };
                self.feed(|control, now| control.flow_changed(now, flow, change));
            }
            SocketEvent::WrongSubprotocol => {
                self.drop_later(flow);
                let error =
                    FlowError::new(FlowErrorKind::Handshake, "the server did not agree to the subprotocol \"sip\"");
                self.feed(|control, now| control.flow_changed(now, flow, FlowChange::Failed(error)));
            }
            SocketEvent::Refused(words) => {
                self.drop_later(flow);
                let error = FlowError::new(FlowErrorKind::Refused, &words);
                self.feed(|control, now| control.flow_changed(now, flow, FlowChange::Failed(error)));
            }
            SocketEvent::Closed { clean, words } => {
                self.drop_later(flow);
                let change = if clean {
                    FlowChange::Closed
                } else {
                    FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, &words))
                };
                self.feed(|control, now| control.flow_changed(now, flow, change));
            }
        }
    }

    /// A socket's own closure is running: it must not be freed under itself.
    fn drop_later(&self, flow: FlowId) {
        if let Some(socket) = self.sockets.borrow_mut().remove(&flow) {
            Timeout::new(0, move || drop(socket)).forget();
        }
    }

    /// Tells the core on the next turn that a flow is of no use: here its own output is being carried out.
    fn lose(&self, flow: FlowId, error: FlowError) {
        let weak = self.weak.clone();
        Timeout::new(0, move || {
            if let Some(driver) = weak.upgrade() {
                driver.drop_later(flow);
                driver.feed(|control, now| control.flow_changed(now, flow, FlowChange::Failed(error)));
            }
        })
        .forget();
    }

    fn arm(&self) {
        let next = self.control.borrow().poll_timeout();
        // One that comes sooner finds nothing to do and is set anew: that is cheaper than to move it with every message.
        if let (Some(armed), Some(next)) = (self.armed.get(), next)
            && armed <= next
        {
            return;
        }
        self.armed.set(next);
        *self.timeout.borrow_mut() = next.map(|at| {
            let wait = at.as_millis().saturating_sub(self.clock.now().as_millis()).min(LONGEST_TIMEOUT);
            let weak = self.weak.clone();
            Timeout::new(wait as u32, move || {
                if let Some(driver) = weak.upgrade() {
                    driver.armed.set(None);
                    // The timeout that runs is not cancelled from within: it is over.
                    if let Some(timeout) = driver.timeout.borrow_mut().take() {
                        timeout.forget();
                    }
                    driver.feed(|control, now| control.handle_timeout(now));
                }
            })
        });
    }
}
