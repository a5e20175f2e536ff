import Testing

/// Tests with sockets run one after the other: programs that some of them start inherit the sockets that are open then,
/// which would keep connections of other tests from being closed.
@Suite(.serialized)
struct SocketTests {}
