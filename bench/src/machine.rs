//! The processes that are measured: started, watched through `/proc`, ended.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(30);

/// Kernel ticks a second in `/proc`, on every Linux that is in use.
const TICKS: f64 = 100.0;

/// A server process, ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From starting the process to its first good answer from `/readyz`.
    pub(crate) ready_in: Duration,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started or does not get ready.
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> Result<Self> {
        let began = Instant::now();
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut server = Self { child, address, ready_in: Duration::ZERO };
        while !is_ready(address) {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended early: {status}").into());
            }
            if began.elapsed() > START {
                return Err("the server does not get ready".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        server.ready_in = began.elapsed();
        Ok(server)
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // Asked politely, so that its database is closed well.
        let asked = Command::new("kill").arg(&pid).status().is_ok_and(|status| status.success());
        let until = Instant::now() + Duration::from_secs(10);
        while asked && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// How many threads can run at a time.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// An address of this machine that nobody listens on at the moment.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The processor time that a process has used, in seconds, in steps of 10 ms.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu(pid: u32) -> Result<f64> {
    Ok(times(pid)?.0)
}

/// The processor time of a process and its children, running or gone: for a database that has a process for each connection.
///
/// # Errors
/// When there is no such process.
pub(crate) fn family_cpu(pid: u32) -> Result<f64> {
    let (own, gone) = times(pid)?;
    let children: f64 = children(pid).into_iter().filter_map(|child| times(child).ok()).map(|(own, gone)| own + gone).sum();
    Ok(own + gone + children)
}

/// The process's own time and that of its children that ended.
fn times(pid: u32) -> Result<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program stands in brackets and may hold anything; the third field follows it.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    let sum = |from: usize| fields.get(from..from + 2).map_or(0.0, |pair| pair.iter().sum::<f64>()) / TICKS;
    Ok((sum(11), sum(13)))
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// The process that started another.
///
/// # Errors
/// When there is no such process.
pub(crate) fn parent(pid: u32) -> Result<u32> {
    Ok(status(pid, "PPid:")?.trim().parse()?)
}

/// What a process holds of memory, in MiB: its own (anonymous), and all that is resident, mapped files among it.
///
/// # Errors
/// When there is no such process.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64)> {
    let mib = |name: &str| -> Result<f64> {
        let line = status(pid, name)?;
        let number: f64 = line.split_whitespace().next().unwrap_or_default().parse()?;
        Ok(number / 1024.0)
    };
    Ok((mib("RssAnon:")?, mib("VmRSS:")?))
}

fn status(pid: u32, name: &str) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.ok_or_else(|| format!("no {name} in /proc/{pid}/status"))?.to_owned())
}

/// How many descriptors a process has open.
///
/// # Errors
/// When there is no such process.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Watches how much anonymous memory a process holds at most while `work` runs; in MiB.
///
/// # Errors
/// Those of `work`.
pub(crate) fn peak_memory<T>(pid: u32, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let watching = thread::spawn(move || {
        let mut peak: f64 = 0.0;
        while !told.load(Ordering::Relaxed) {
            peak = memory(pid).map_or(peak, |(anonymous, _)| peak.max(anonymous));
            thread::sleep(Duration::from_millis(20));
        }
        peak
    });
    let done = work();
    stop.store(true, Ordering::Relaxed);
    let peak = watching.join().map_err(|_| "watching the memory panicked")?;
    Ok((done?, peak))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory_and_has_a_parent() {
        let pid = std::process::id();
        let began = Instant::now();
        let mut turns = 0_u64;
        while began.elapsed() < Duration::from_millis(60) {
            turns = std::hint::black_box(turns + 1);
        }
        assert!(cpu(pid).unwrap() >= 0.02, "{turns}");
        assert!(family_cpu(pid).unwrap() >= cpu(pid).unwrap() - 0.02);
        let (anonymous, resident) = memory(pid).unwrap();
        assert!(anonymous > 0.0 && anonymous <= resident);
        assert!(parent(pid).unwrap() > 0);
    }
}
