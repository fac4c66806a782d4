//! A wire between clients and a broker that can lose the answers to what was written.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use hark_tests::kafka::{Kafka, Options};

/// Kafka's number of the request that writes records (`apiKey` 0 of its protocol).
const PRODUCE: [u8; 2] = [0, 0];

/// A broker whose clients speak to it over this wire.
pub struct Wire {
    /// Gone with the wire.
    _kafka: Kafka,
    pub address: String,
    lossy: Arc<AtomicBool>,
}

impl Wire {
    /// `None` where no broker is to be had.
    pub fn start() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (lossy, broker) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::<String>::new()));
        let (loses, asked) = (Arc::clone(&lossy), Arc::clone(&broker));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (loses, asked) = (Arc::clone(&loses), Arc::clone(&asked));
                thread::spawn(move || connect(&client, asked.wait(), loses));
            }
        });
        let settings = vec![("advertised.listeners", format!("CLIENT://{address}"))];
        let kafka = Kafka::start(&Options { settings, ..Options::default() })?;
        broker.set(kafka.bootstrap_servers().to_owned()).unwrap();
        Some(Self { _kafka: kafka, address, lossy })
    }

    /// From now on whatever is written reaches the broker, and its answer nobody: the connection breaks instead.
    pub fn lose_answers(&self, lossy: bool) {
        self.lossy.store(lossy, Ordering::SeqCst);
    }
}

fn connect(client: &TcpStream, broker: &str, lossy: Arc<AtomicBool>) {
    let Ok(broker) = TcpStream::connect(broker) else { return };
    // What was asked and not answered yet: a broker answers in order.
    let asked = Arc::new(Mutex::new(VecDeque::new()));
    let (answers, to_client) = (broker.try_clone().unwrap(), client.try_clone().unwrap());
    let waiting = Arc::clone(&asked);
    thread::spawn(move || {
        pass(&answers, &to_client, |_| {
            let writes = waiting.lock().unwrap().pop_front() == Some(PRODUCE);
            !(writes && lossy.load(Ordering::SeqCst))
        });
    });
    pass(client, &broker, |request| {
        asked.lock().unwrap().push_back([request[0], request[1]]);
        true
    });
}

/// Passes on messages, each a length of four bytes and so many more, until one side is gone or one is not to pass.
fn pass(mut from: &TcpStream, mut to: &TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut message = || -> io::Result<()> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        from.read_exact(&mut body)?;
        if !may_pass(&body) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        to.write_all(&[length.as_slice(), &body].concat())
    };
    while message().is_ok() {}
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
