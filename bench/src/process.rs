//! Child processes and what /proc says about them: processor time, memory, and how busy the machine
//! was with other things.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// USER_HZ: /proc counts processor time in hundredths of a second on every Linux we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server under measurement. Dropped, it is killed: no run leaves one behind.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let file = fs::File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child, log })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log, if it is no longer running.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the server ended ({status}):\n{}", log_end(&self.log)),
            None => Ok(()),
        }
    }

    /// SIGKILL, as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM and a wait; false if it had to be killed after all.
    pub fn stop(&mut self, patience: Duration) -> Result<bool> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("pid")?;
        kill_process(pid, Signal::TERM)?;
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill()?;
        Ok(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn log_end(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// With the pid it names a process for good: pids are used again.
    pub started: u64,
    parent: u32,
    name: String,
    ticks: u64,
    /// Ended, and not yet waited for by its parent.
    zombie: bool,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn process(pid: u32) -> Option<Process> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(pid: u32, stat: &str) -> Option<Process> {
    // The name stands in parentheses and may itself hold some.
    let (before, after) = stat.rsplit_once(") ")?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split(' ').collect();
    let number = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
    // Own user and system time, and that of children already waited for.
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Process { pid, started: number(19)?, parent: number(1)? as u32, name, ticks, zombie: fields.first() == Some(&"Z") })
}

/// A process and all that descend from it.
pub fn tree(root: u32) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    let mut found = Vec::new();
    for process in processes() {
        if process.pid == root {
            found.push(process);
        } else {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at].pid).unwrap_or_default());
        at += 1;
    }
    found
}

pub fn is_running(process: &Process) -> bool {
    self::process(process.pid).is_some_and(|now| now.started == process.started && !now.zombie)
}

pub fn cpu_seconds(processes: &[Process]) -> f64 {
    processes.iter().map(|process| process.ticks).sum::<u64>() as f64 / TICKS_PER_SECOND
}

/// PostgreSQL's processes that work for this database, and those that work for the whole cluster: the writer of
/// its log, the checkpointer and the background writer, whoever else gives them work.
pub fn postgres_cpu_seconds(database: &str) -> f64 {
    let of_cluster = ["walwriter", "checkpointer", "background writer"];
    let counts = |process: &Process| {
        // `postgres: user database host(port) state`, as PostgreSQL names its processes.
        let title = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        let title = String::from_utf8_lossy(&title).replace('\0', " ");
        title.split(' ').any(|word| word == database) || of_cluster.iter().any(|name| title.contains(name))
    };
    let servers: Vec<Process> = processes().into_iter().filter(|process| process.name == "postgres").filter(counts).collect();
    cpu_seconds(&servers)
}

pub fn own_cpu_seconds() -> f64 {
    process(std::process::id()).map_or(0.0, |own| cpu_seconds(&[own]))
}

/// Resident bytes, summed; and with shared pages divided among those who share them, if the kernel tells.
pub fn memory_bytes(processes: &[Process]) -> (u64, Option<u64>) {
    let read = |process: &Process, file: &str, key: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", process.pid)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
    };
    let resident = processes.iter().filter_map(|process| read(process, "status", "VmRSS:")).sum();
    let proportional = processes.iter().map(|process| read(process, "smaps_rollup", "Pss:")).sum();
    (resident, proportional)
}

pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}

/// Busy and total time of all processors so far.
#[derive(Clone, Copy)]
pub struct MachineTime {
    busy: u64,
    total: u64,
}

impl MachineTime {
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields: Vec<u64> =
            text.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1).take(8).flat_map(str::parse).collect();
        let total = fields.iter().sum();
        // Columns four and five: idle, and idle while waiting for a disk.
        let idle: u64 = fields.iter().skip(3).take(2).sum();
        Self { busy: total - idle, total }
    }

    pub fn busy_share_since(self) -> f64 {
        let now = Self::now();
        (now.busy.saturating_sub(self.busy)) as f64 / (now.total.saturating_sub(self.total)).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 9 0 999 1 2";
        let process = parse_stat(7, stat).unwrap();
        assert_eq!((process.parent, process.ticks, process.started), (1, 100, 999));
        assert_eq!(process.name, "a) b (c");
    }
}
