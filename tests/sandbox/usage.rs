//! Each figure moves for the guest that moves it, and for no other.

use super::stage::{limits, run, run_with_output};
use capstan::rules::attempt::Usage;

fn still() -> Usage {
    run(r#"{"do": "answer", "value": 1}"#).usage
}

#[test]
fn a_guest_that_does_little_uses_little() {
    let usage = still();
    assert!(usage.cpu_us > 0 && usage.cpu_us < 50_000, "{usage:?}");
    assert!(usage.host_us < 10_000 && usage.host_calls < 100, "{usage:?}");
    assert!(usage.memory > 0 && usage.memory < 4 << 20, "{usage:?}");
    assert_eq!((usage.scratch_bytes, usage.scratch_files, usage.log_bytes, usage.result_bytes), (0, 0, 0, 1));
}

#[test]
fn computing_moves_cpu() {
    let usage = run(r#"{"do": "work", "rounds": 50000000}"#).usage;
    assert!(usage.cpu_us > 10_000 && usage.cpu_us > 10 * usage.host_us, "{usage:?}");
    assert!(usage.wall_us >= usage.cpu_us, "{usage:?}");
}

#[test]
fn waiting_moves_only_wall() {
    let usage = run(r#"{"do": "sleep", "ms": 100}"#).usage;
    assert!(usage.wall_us >= 100_000, "{usage:?}");
    assert!(usage.cpu_us + usage.host_us < 50_000, "{usage:?}");
}

#[test]
fn memory_moves_memory() {
    let usage = run(r#"{"do": "alloc", "bytes": 20000000}"#).usage;
    assert!(usage.memory >= 20_000_000 && usage.memory < 24 << 20, "{usage:?}");
}

#[test]
fn calls_move_host_calls_and_log() {
    let usage = run(r#"{"do": "flood_log", "entries": 1000, "bytes": 7}"#).usage;
    assert!(usage.host_calls >= still().host_calls + 1_000, "{usage:?}");
    assert!(usage.log_bytes >= 7_000 && usage.host_us > 0, "{usage:?}");
}

#[test]
fn writing_moves_scratch() {
    let (_folder, report) = run_with_output(r#"{"do": "write_bytes", "bytes": 5000}"#, limits());
    assert_eq!((report.usage.scratch_bytes, report.usage.scratch_files), (5_000, 1));
}
