//! Something between the service and its PostgreSQL that stops passing anything on: it accepts, and does not answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Passes bytes on from a port to a socket, unless it is silent. Its threads end with the connections.
pub(crate) struct Proxy {
    at: SocketAddr,
    silence: Arc<Silence>,
}

#[derive(Default)]
struct Silence(Mutex<bool>, Condvar);

impl Silence {
    fn wait_until_over(&self) {
        let silent = self.0.lock().unwrap();
        drop(self.1.wait_while(silent, |silent| *silent).unwrap());
    }

    fn set(&self, silent: bool) {
        *self.0.lock().unwrap() = silent;
        self.1.notify_all();
    }
}

impl Proxy {
    pub(crate) fn before(socket: PathBuf) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (at, silence) = (listener.local_addr().unwrap(), Arc::new(Silence::default()));
        let of_all = silence.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                pass(stream, &socket, &of_all);
            }
        });
        Self { at, silence }
    }

    /// As [`crate::cluster::Cluster::url`], through this.
    pub(crate) fn url(&self) -> String {
        format!("postgres://app@{}/app?sslmode=disable", self.at)
    }

    /// From now on it accepts connections and bytes, and nothing comes back.
    pub(crate) fn silent(&self) {
        self.silence.set(true);
    }

    /// Passes on what has come meanwhile, and what comes.
    pub(crate) fn speak(&self) {
        self.silence.set(false);
    }
}

fn pass(client: TcpStream, socket: &Path, silence: &Arc<Silence>) {
    let Ok(server) = UnixStream::connect(socket) else { return };
    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
    let (mut from_server, mut to_server) = (server.try_clone().unwrap(), server);
    let [there, back] = [silence.clone(), silence.clone()];
    thread::spawn(move || {
        copy(&mut from_client, &mut to_server, &there);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        copy(&mut from_server, &mut to_client, &back);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

fn copy(from: &mut impl Read, to: &mut impl Write, silence: &Silence) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        silence.wait_until_over();
        if to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}
