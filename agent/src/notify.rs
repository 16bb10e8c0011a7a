//! Telling systemd that a program is ready and alive, by its notification socket.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The service manager, if there is one that wants to know.
pub struct Manager {
    connection: Option<(UnixDatagram, SocketAddr)>,
}

impl Manager {
    /// `socket` is the value of `NOTIFY_SOCKET`: a path, or a name behind `@`.
    ///
    /// # Errors
    /// The value is no address, or no socket can be made.
    pub fn at(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(socket) = socket else {
            return Ok(Self { connection: None });
        };
        let address = match socket.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(socket)?,
        };
        Ok(Self {
            connection: Some((UnixDatagram::unbound()?, address)),
        })
    }

    /// The first health file is on the disk.
    pub fn ready(&self) {
        self.tell("READY=1\nWATCHDOG=1");
    }

    /// The agent goes round its loop.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// The agent was told to stop.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A manager that does not listen is no reason to stop measuring; it restarts us if it cares.
    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.connection {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive_at_a_socket_with_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::at(Some(path.as_os_str())).unwrap();
        manager.ready();
        manager.stopping();
        assert_eq!(received(&listener), "READY=1\nWATCHDOG=1");
        assert_eq!(received(&listener), "STOPPING=1");
    }

    #[test]
    fn states_arrive_at_a_socket_with_an_abstract_name() {
        let name = format!("sekisho-agent-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        Manager::at(Some(OsStr::new(&format!("@{name}"))))
            .unwrap()
            .alive();
        assert_eq!(received(&listener), "WATCHDOG=1");
    }

    #[test]
    fn without_a_manager_nothing_is_told() {
        let manager = Manager::at(None).unwrap();
        manager.ready();
        assert!(manager.connection.is_none());
    }

    fn received(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }
}
