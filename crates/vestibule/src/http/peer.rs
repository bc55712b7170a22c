//! Who is at the other end of the connection.

/// The address at the other end of the connection, as the socket tells it: perhaps a proxy's.
///
/// Whoever accepts connections puts it into each request's extensions. Without it, and without a trusted proxy, nobody can tell
/// sources apart (T67).
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub std::net::IpAddr);
