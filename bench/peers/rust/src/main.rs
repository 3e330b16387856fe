//! The Rust client's side of the benchmark: `bench-rust CONTROLLER`, then a command a line on standard input, answered by
//! a line of JSON each. See `../Peer.ts` for the commands; this client has no batch reader.
use pravega_client::client_factory::ClientFactory;
use pravega_client::event::{reader::EventReader, transactional_writer::TransactionalEventWriter};
use pravega_client_config::ClientConfigBuilder;
use pravega_client_shared::{Scope, ScopedStream, Stream, Timestamp, TransactionStatus, WriterId};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::io::BufRead;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Figures = Map<String, Value>;
const POLL: Duration = Duration::from_millis(2);

struct Command {
    name: String,
    options: HashMap<String, String>,
}

impl Command {
    fn parse(line: &str) -> Command {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or("").to_string();
        let options = words.filter_map(|word| word.split_once('=')).map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Command { name, options }
    }
    fn number(&self, key: &str) -> usize {
        self.options.get(key).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{key}= is missing"))
    }
    fn stream(&self) -> ScopedStream {
        let (scope, stream) = self.options["stream"].split_once('/').expect("stream=SCOPE/NAME");
        ScopedStream { scope: Scope::from(scope.to_string()), stream: Stream::from(stream.to_string()) }
    }
}

/// Keys k0..k999 at random, all events in flight as the client allows, all acknowledgements awaited.
async fn write(factory: &ClientFactory, command: &Command) -> Figures {
    let (events, size) = (command.number("events"), command.number("size"));
    let mut writer = factory.create_event_writer(command.stream());
    let mut random = StdRng::seed_from_u64(7);
    let body = vec![7u8; size];
    let started = Instant::now();
    let mut acknowledgements = Vec::with_capacity(events);
    for _ in 0..events {
        let key = format!("k{}", random.gen_range(0..1000));
        acknowledgements.push(writer.write_event_by_routing_key(key, body.clone()).await);
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await.expect("the writer is gone").expect("not written");
    }
    figures(events, started)
}

/// One after the other: begun, filled, committed, and waited for until committed.
async fn transactions(factory: &ClientFactory, command: &Command, writers: &mut Writers) -> Figures {
    let (events, size, count) = (command.number("events"), command.number("size"), command.number("count"));
    // as a program would: one writer for all transactions of a stream
    let stream = command.stream();
    let key = command.options["stream"].clone();
    if !writers.contains_key(&key) {
        let writer = factory.create_transactional_event_writer(stream, WriterId(u128::from(nanos()))).await;
        writers.insert(key.clone(), writer);
    }
    let writer = writers.get_mut(&key).expect("just made");
    let mut random = StdRng::seed_from_u64(8);
    let (mut wholes, mut committeds) = (vec![], vec![]);
    let started = Instant::now();
    for _ in 0..count {
        let begun = Instant::now();
        let mut transaction = writer.begin().await.expect("begin");
        for _ in 0..events {
            let key = format!("k{}", random.gen_range(0..1000));
            transaction.write_event(Some(key), vec![7u8; size]).await.expect("write");
        }
        let filled = Instant::now();
        transaction.commit(Timestamp(0)).await.expect("commit");
        while transaction.check_status().await.expect("status") != TransactionStatus::Committed {
            tokio::time::sleep(POLL).await;
        }
        committeds.push(millis(filled));
        wholes.push(millis(begun));
    }
    let mut out = figures(events * count, started);
    percentiles(&mut out, "transaction", wholes);
    percentiles(&mut out, "commit", committeds);
    out
}

/// A new reader group, and readers that share its count: the time is that of the last event.
async fn group(factory: &ClientFactory, command: &Command) -> Figures {
    let (events, readers) = (command.number("events"), command.number("readers"));
    let group = factory.create_reader_group(format!("rust{}", nanos()), command.stream()).await;
    let started = Instant::now();
    let seen = Arc::new(AtomicUsize::new(0));
    let mut tasks = vec![];
    for index in 0..readers {
        let mut reader = group.create_reader(format!("r{index}")).await;
        let seen = seen.clone();
        tasks.push(tokio::spawn(async move {
            while seen.load(Ordering::Relaxed) < events {
                seen.fetch_add(read_slice(&mut reader, |_| {}).await, Ordering::Relaxed);
            }
            started.elapsed()
        }));
    }
    let mut seconds = f64::MAX;
    for task in tasks {
        // the first that finds all read; the others may wait for a segment that never comes
        match tokio::time::timeout(Duration::from_secs(60), task).await {
            Ok(took) => seconds = seconds.min(took.expect("a reader").as_secs_f64()),
            Err(_) => continue,
        }
    }
    let mut out = Figures::new();
    out.insert("events".into(), json!(seen.load(Ordering::Relaxed)));
    out.insert("seconds".into(), json!(seconds));
    out
}

async fn read_slice(reader: &mut EventReader, mut each: impl FnMut(&[u8])) -> usize {
    let acquired = tokio::time::timeout(Duration::from_millis(200), reader.acquire_segment()).await;
    let Ok(Ok(Some(mut slice))) = acquired else { return 0 };
    let mut read = 0;
    for event in &mut slice {
        each(&event.value);
        read += 1;
    }
    reader.release_segment(slice).await.expect("release");
    read
}

/// A timer that is late by no more than this is not the client's fault.
const SLACK: Duration = Duration::from_millis(2);

/// Events at a steady rate, due at fixed instants: from when one was handed over to when a reader had it.
async fn latency(factory: &ClientFactory, command: &Command) -> Figures {
    let (rate, size) = (command.number("rate"), command.number("size"));
    let warm = rate * command.number("warm");
    let events = warm + rate * command.number("seconds");
    let group = factory.create_reader_group(format!("rust{}", nanos()), command.stream()).await;
    let mut reader = group.create_reader("r".to_string()).await;
    let mut writer = factory.create_event_writer(command.stream());
    let base = Instant::now() + Duration::from_millis(500);
    let due = move |index: usize| base + Duration::from_nanos(index as u64 * 1_000_000_000 / rate as u64);
    let sent = tokio::spawn(async move {
        let mut random = StdRng::seed_from_u64(9);
        let mut acknowledgements = vec![];
        let mut index = 0;
        while index < events {
            tokio::time::sleep_until(due(index).into()).await;
            // all that are due: a timer is no finer than a millisecond
            while index < events && due(index) <= Instant::now() {
                let mut event = vec![0u8; size];
                event[..8].copy_from_slice(&(index as u64).to_be_bytes());
                let since = Instant::now().min(due(index) + SLACK).duration_since(base);
                event[8..16].copy_from_slice(&(since.as_nanos() as u64).to_be_bytes());
                let key = format!("k{}", random.gen_range(0..1000));
                acknowledgements.push(writer.write_event_by_routing_key(key, event).await);
                index += 1;
            }
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await.expect("the writer is gone").expect("not written");
        }
    });
    let latencies = Arc::new(Mutex::new(vec![0f64; events]));
    let mut seen = 0;
    let started = Instant::now();
    while seen < events && started.elapsed() < Duration::from_secs(60) {
        let latencies = latencies.clone();
        seen += read_slice(&mut reader, |event| {
            let index = u64::from_be_bytes(event[..8].try_into().expect("8 bytes")) as usize;
            let nanos = u64::from_be_bytes(event[8..16].try_into().expect("8 bytes"));
            let late = Instant::now().saturating_duration_since(base + Duration::from_nanos(nanos));
            latencies.lock().expect("lock")[index] = late.as_secs_f64() * 1e3;
        })
        .await;
    }
    sent.await.expect("the writer");
    let measured = latencies.lock().expect("lock")[warm..].to_vec();
    let mut out = figures(events, started);
    percentiles(&mut out, "latency", measured);
    out
}

type Writers = HashMap<String, TransactionalEventWriter>;

fn figures(events: usize, started: Instant) -> Figures {
    let mut out = Figures::new();
    out.insert("events".into(), json!(events));
    out.insert("seconds".into(), json!(started.elapsed().as_secs_f64()));
    out
}

fn percentiles(out: &mut Figures, name: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    for (suffix, share) in [("P50", 0.5), ("P99", 0.99), ("P999", 0.999), ("Max", 1.0)] {
        let rank = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len());
        out.insert(format!("{name}{suffix}Ms"), json!(values[rank - 1]));
    }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64
}

fn cpu_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn main() {
    let controller = std::env::args().nth(1).expect("the controller's address");
    let address = controller.trim_start_matches("tcp://").to_string();
    let config = ClientConfigBuilder::default().controller_uri(address).build().expect("configuration");
    let factory = ClientFactory::new(config);
    let runtime = factory.runtime_handle();
    let mut writers = Writers::new();
    for line in std::io::stdin().lock().lines() {
        let command = Command::parse(&line.expect("standard input"));
        let used = cpu_seconds();
        let mut out = runtime.block_on(async {
            match command.name.as_str() {
                "write" => write(&factory, &command).await,
                "transactions" => transactions(&factory, &command, &mut writers).await,
                "group" => group(&factory, &command).await,
                "latency" => latency(&factory, &command).await,
                other => panic!("unknown command {other}"),
            }
        });
        out.insert("cpuSeconds".into(), json!(cpu_seconds() - used));
        println!("{}", Value::Object(out));
    }
    // its background tasks would keep the process
    std::process::exit(0);
}
