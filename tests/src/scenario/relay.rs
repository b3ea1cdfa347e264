//! A piece of wire that can be cut: connections go through it to a server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to a server until they are broken.
#[derive(Debug)]
pub(super) struct Relay {
    local: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    /// Listens on the loopback. The listening thread lives as long as the process.
    pub(super) fn to(server: SocketAddr) -> io::Result<Relay> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (local, streams) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let kept = streams.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { continue };
                    thread::spawn(move || {
                        // However it ends, the other direction ends too.
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                        let _ = from.shutdown(Shutdown::Both);
                    });
                }
                if let Ok(mut streams) = kept.lock() {
                    streams.extend([near, far]);
                }
            }
        });
        Ok(Relay { local, streams })
    }

    /// Where to connect to.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Breaks all connections; new ones are welcome.
    pub(super) fn cut(&self) {
        let Ok(mut streams) = self.streams.lock() else { return };
        for stream in streams.drain(..) {
            // One that has ended already cannot be ended again.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
