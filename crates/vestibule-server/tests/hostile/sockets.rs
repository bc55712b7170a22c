//! T91: the program listens where it was told to, and reaches for nobody.

use std::collections::HashSet;
use std::fs;

use crate::server::Server;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Inodes of the sockets that the process has.
fn sockets(pid: u32) -> HashSet<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

/// Protocol, port and state of each of the process's internet sockets.
fn internet(pid: u32) -> Vec<(&'static str, u16, String)> {
    let own = sockets(pid);
    let mut found = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if own.contains(words[9]) {
                let port = u16::from_str_radix(words[1].rsplit_once(':').unwrap().1, 16).unwrap();
                found.push((protocol, port, words[3].to_owned()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn t91_it_listens_where_it_was_told_to_and_connects_to_nobody() {
    let server = Server::start(&[("METRICS__LISTEN", "127.0.0.1:0")]).await;
    server.register("ana").await;
    let mut told = [server.client().0.port(), server.metrics.unwrap().port()];
    told.sort_unstable();
    let open = internet(server.pid()).into_iter().filter(|(_, port, state)| state == LISTENS || !told.contains(port));
    let expected: Vec<_> = told.iter().map(|port| ("tcp", *port, LISTENS.to_owned())).collect();
    assert_eq!(open.collect::<Vec<_>>(), expected);
}
