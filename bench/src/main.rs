//! Tokens per second of Grantor against a bare server that parses the same request, hashes the same secret and signs the
//! same JWT, and does nothing else. Both are measured in one run, in turns, from other cores where there are enough.

mod bare;
mod load;

use anyhow::{Context, Result, ensure};
use clap::Parser;
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
    target: load::Target,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(args: &Args) -> Result<()> {
    ensure!(args.grantor.exists(), "{} is missing; run: cargo build --release -p grantor", args.grantor.display());
    let data = tempfile::tempdir()?;
    let servers = [("bare", start_bare()?), ("grantor", start_grantor(&args.grantor, data.path())?)];
    let mut rates = [const { Vec::new() }; 2];
    for (_, server) in &servers {
        load::run(&server.target, args.connections, Duration::from_secs(1)).await?;
    }
    for repetition in 1..=args.repetitions {
        for ((name, server), rates) in servers.iter().zip(&mut rates) {
            let rate = load::run(&server.target, args.connections, Duration::from_secs(args.seconds)).await?;
            println!("{repetition}/{} {name:8} {rate:8.0} tokens/s", args.repetitions);
            rates.push(rate);
        }
    }
    let [bare, grantor] = rates.map(median);
    println!("median   bare {bare:.0}, grantor {grantor:.0}, ratio to bare {:.3}", grantor / bare);
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

fn first_line(mut command: Command) -> Result<(Child, serde_json::Value)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
    let announced = serde_json::from_str(&line).with_context(|| format!("{command:?} did not announce itself"))?;
    Ok((child, announced))
}

fn start_bare() -> Result<Server> {
    let mut command = on_first_cores(&std::env::current_exe()?);
    command.arg("--bare");
    let (child, announced) = first_line(command)?;
    let address = announced["address"].as_str().context("no address")?.parse()?;
    Ok(Server { child, target: load::Target::new(address, bare::CLIENT_ID, bare::SECRET) })
}

fn start_grantor(binary: &Path, data: &Path) -> Result<Server> {
    let mut command = on_first_cores(&binary.canonicalize()?);
    command
        .args(["dev", "--format", "json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(data);
    let (child, announced) = first_line(command)?;
    let text = |name: &str| announced[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    let address: SocketAddr = text("issuer")?.trim_start_matches("http://").parse()?;
    Ok(Server { child, target: load::Target::new(address, &text("client_id")?, &text("client_secret")?) })
}
