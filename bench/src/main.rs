//! Tokens per second of Grantor against a bare server that parses the same request, hashes the same secret and signs the
//! same JWT, and does nothing else; or of Grantor over TLS against Grantor without it. All are measured in one run, in
//! turns, from other cores where there are enough.

mod bare;
mod load;
mod tls;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use load::Target;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures how many tokens a second Grantor issues, as a share of what a bare server does in the same run.
#[derive(Debug, Parser)]
struct Args {
    /// Connections kept open, one request in flight on each.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each server is measured, in turns. The median counts.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Measures TLS, client certificates and whole handshakes, each as a share of plain HTTP.
    #[arg(long)]
    tls: bool,
    /// The Grantor binary.
    #[arg(long, default_value = "target/release/grantor")]
    grantor: PathBuf,
    /// Runs the bare server; the benchmark starts itself so.
    #[arg(long, hide = true)]
    bare: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if args.bare { runtime.block_on(bare::serve()) } else { runtime.block_on(measure(&args)) }
}

/// A server under measurement, ended when dropped.
struct Server {
    child: Child,
    announced: Value,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn text(&self, at: &str) -> Result<&str> {
        self.announced.pointer(at).and_then(Value::as_str).with_context(|| format!("no {at}"))
    }

    fn address(&self, at: &str) -> Result<SocketAddr> {
        let url = self.text(at)?;
        let authority = url.split("//").last().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let authority = authority.replace("localhost", "127.0.0.1");
        authority.parse().with_context(|| format!("no address in {at}"))
    }

    /// Seconds of processor time spent so far, where Linux tells.
    fn processor_s(&self) -> Option<f64> {
        const TICKS_PER_S: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        let times = stat.rsplit(')').next()?.split_whitespace().skip(11).take(2);
        Some(times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S)
    }
}

/// What is measured: a server, asked in one way.
struct Case<'s> {
    name: &'static str,
    server: &'s Server,
    target: Target,
}

async fn measure(args: &Args) -> Result<()> {
    ensure!(args.grantor.exists(), "{} is missing; run: cargo build --release -p grantor", args.grantor.display());
    let data = tempfile::tempdir()?;
    let grantor = |name: &str, option: Option<&str>| start_grantor(&args.grantor, &data.path().join(name), option);
    let plain = grantor("plain", None)?;
    if args.tls {
        return compare(args, &cases_of_tls(&plain, &grantor("tls", Some("--tls"))?)?).await;
    }
    let bare = start_bare()?;
    let bare_target = Target::with_secret(bare.address("/address")?, bare::CLIENT_ID, bare::SECRET);
    let cases = [
        Case { name: "bare", server: &bare, target: bare_target },
        Case { name: "grantor", server: &plain, target: with_secret(&plain)? },
    ];
    compare(args, &cases).await
}

fn cases_of_tls<'s>(plain: &'s Server, tls: &'s Server) -> Result<[Case<'s>; 4]> {
    let files = (Path::new(tls.text("/mtls/client_certificate")?), Path::new(tls.text("/mtls/client_key")?));
    let certificate = Target::with_certificate(
        tls.address("/mtls/token_endpoint")?,
        tls.text("/client_id")?,
        tls::client(Some(files))?,
    );
    Ok([
        Case { name: "plain", server: plain, target: with_secret(plain)? },
        Case { name: "tls", server: tls, target: with_secret(tls)?.over(tls::client(None)?) },
        Case { name: "mtls", server: tls, target: certificate.clone() },
        Case { name: "handshake", server: tls, target: certificate.anew() },
    ])
}

fn with_secret(server: &Server) -> Result<Target> {
    Ok(Target::with_secret(
        server.address("/token_endpoint")?,
        server.text("/client_id")?,
        server.text("/client_secret")?,
    ))
}

/// Measures all cases in turns, and prints the median of each as a share of the first's.
async fn compare(args: &Args, cases: &[Case<'_>]) -> Result<()> {
    let mut rates = vec![Vec::new(); cases.len()];
    let mut costs = rates.clone();
    for case in cases {
        load::run(&case.target, args.connections, Duration::from_secs(1)).await?;
    }
    for repetition in 1..=args.repetitions {
        for (at, Case { name, server, target }) in cases.iter().enumerate() {
            let before = server.processor_s();
            let time = Duration::from_secs(args.seconds);
            let rate = load::run(target, args.connections, time).await?;
            let spent = server.processor_s().zip(before).map_or(f64::NAN, |(after, before)| after - before);
            println!("{repetition}/{} {name:9} {rate:8.0} tokens/s", args.repetitions);
            rates[at].push(rate);
            costs[at].push(spent / (rate * time.as_secs_f64()) * 1e6);
        }
    }
    let (rates, costs): (Vec<_>, Vec<_>) = rates.into_iter().zip(costs).map(|(r, c)| (median(r), median(c))).unzip();
    for (at, Case { name, .. }) in cases.iter().enumerate() {
        println!(
            "median {name:9} {:6.3} of {}: {:6.0} tokens/s; processor {:6.3} of it: {:4.0} µs a token",
            rates[at] / rates[0],
            cases[0].name,
            rates[at],
            costs[at] / costs[0],
            costs[at]
        );
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Servers get the first two cores, if the load has others to itself.
fn on_first_cores(program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 4 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0,1"]).arg(program);
    command
}

fn start(mut command: Command) -> Result<Server> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
    let announced = serde_json::from_str(&line).with_context(|| format!("{command:?} did not announce itself"))?;
    Ok(Server { child, announced })
}

fn start_bare() -> Result<Server> {
    let mut command = on_first_cores(&std::env::current_exe()?);
    command.arg("--bare");
    start(command)
}

fn start_grantor(binary: &Path, data: &Path, option: Option<&str>) -> Result<Server> {
    let mut command = on_first_cores(&binary.canonicalize()?);
    command
        .args(["dev", "--format", "json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(option);
    start(command)
}
