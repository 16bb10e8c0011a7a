//! A line between an appliance and the front that breaks where a test wants it to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

/// Told the number of the connection and how many bytes of it went to the front: whether the line
/// breaks before the next byte passes, either way.
type Breaks = Box<dyn Fn(u64, u64) -> bool + Send>;

/// The line. Broken, it stays so until it is mended.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    front: SocketAddr,
    breaks: Mutex<Breaks>,
    broken: AtomicBool,
    connections: AtomicU64,
    refused: AtomicU64,
}

impl Line {
    /// A line to the front that breaks when `breaks` says so.
    pub(crate) fn to(
        front: SocketAddr,
        breaks: impl Fn(u64, u64) -> bool + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            front,
            breaks: Mutex::new(Box::new(breaks)),
            broken: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                shared.take(stream.unwrap());
            }
        });
        Self { address, state }
    }

    /// Connections that were refused because the line was broken.
    pub(crate) fn refused(&self) -> u64 {
        self.state.refused.load(SeqCst)
    }

    /// Whether it broke.
    pub(crate) fn broken(&self) -> bool {
        self.state.broken.load(SeqCst)
    }

    /// From here on everything passes.
    pub(crate) fn mend(&self) {
        *self.state.breaks.lock().unwrap() = Box::new(|_, _| false);
        self.state.broken.store(false, SeqCst);
    }
}

impl State {
    fn take(self: &Arc<Self>, near: TcpStream) {
        if self.broken.load(SeqCst) {
            self.refused.fetch_add(1, SeqCst);
            return;
        }
        let number = self.connections.fetch_add(1, SeqCst) + 1;
        let Ok(far) = TcpStream::connect(self.front) else {
            return;
        };
        let sent = Arc::new(AtomicU64::new(0));
        for up in [true, false] {
            let [near, far] = [&near, &far].map(|stream| stream.try_clone().unwrap());
            let (from, to) = if up { (near, far) } else { (far, near) };
            let (state, sent) = (Arc::clone(self), Arc::clone(&sent));
            thread::spawn(move || state.pump(number, from, to, up.then_some(&*sent), &sent));
        }
    }

    fn pump(
        &self,
        number: u64,
        mut from: TcpStream,
        mut to: TcpStream,
        counted: Option<&AtomicU64>,
        sent: &AtomicU64,
    ) {
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if let Some(sent) = counted {
                sent.fetch_add(length as u64, SeqCst);
            }
            if self.breaks.lock().unwrap()(number, sent.load(SeqCst)) {
                self.broken.store(true, SeqCst);
            }
            if self.broken.load(SeqCst) || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        for stream in [from, to] {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
