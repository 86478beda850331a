//! Limits, of the pipeline and of a step, in the file and on the command line.

use std::time::Duration;

use insta::assert_snapshot;

use super::{VALID, broken, parse};
use crate::config::{ConfigLocation, Overrides};
use crate::limits::LimitSettings;

/// The limits of a step with this setting.
fn step_limits(limits: &str) -> LimitSettings {
    parse(&VALID.replace("[[sink]]", &format!("limits = {limits}\n[[sink]]"))).steps.remove(0).limits.value
}

fn wrong(limits: &str) -> String {
    broken("\n[[sink]]", &format!("limits = {{ {limits} }}\n[[sink]]"))
}

fn limit(arguments: &[&str]) -> Overrides {
    Overrides { limit: arguments.iter().map(ToString::to_string).collect(), ..Overrides::default() }
}

#[test]
fn every_limit_can_be_set() {
    let all = LimitSettings {
        memory: Some(256 << 20),
        time: Some(Duration::from_secs(90)),
        fuel: Some(1_000_000),
        output_rows: Some(100_000),
        output_bytes: Some(64_000_000),
        log_bytes: Some(64 << 10),
        compile_time: Some(Duration::from_secs(20)),
        compile_memory: Some(1 << 30),
    };
    let keys = "memory = \"256MiB\"\ntime = \"1m30s\"\nfuel = 1_000_000\noutput-rows = 100000\noutput-bytes = \"64 MB\"\nlog-bytes = 65536\ncompile-time = \"20s\"\ncompile-memory = \"1GiB\"\n";
    assert_eq!(step_limits(&format!("{{ {} }}", keys.trim_end().replace('\n', ", "))), all);
    let config = parse(&VALID.replace("[[sink]]", &format!("[step.limits]\n{keys}[limits]\n{keys}[[sink]]")));
    assert_eq!(config.pipeline.limits.value, all);
    assert_eq!(config.steps[0].limits.value, all);
}

#[test]
fn limits_that_are_left_out_are_not_set() {
    let config = parse(&VALID.replace("[[sink]]", "[limits]\n[[sink]]"));
    assert_eq!(config.pipeline.limits.value, LimitSettings::default());
    let ConfigLocation::Span(span) = &config.pipeline.limits.location else { panic!("{:?}", config.pipeline.limits) };
    assert_eq!(&config.text[span.clone()], "limits");
    assert_eq!(config.steps[0].limits.value, LimitSettings::default());
    assert_eq!(config.steps[0].limits.location, config.steps[0].location);
    assert_eq!(parse(VALID).pipeline.limits.location, ConfigLocation::File);
}

#[test]
fn sizes_have_units() {
    for (written, bytes) in [
        ("65536", 65536),
        ("\"65536\"", 65536),
        ("\"65536B\"", 65536),
        ("\"100KB\"", 100_000),
        ("\"100 KiB\"", 102_400),
        ("\"5MB\"", 5_000_000),
        ("\"1GB\"", 1_000_000_000),
        ("\"4GiB\"", 4 << 30),
        ("\"1GiB512MiB\"", 1536 << 20),
        ("\"1_000KiB\"", 1_024_000),
    ] {
        assert_eq!(step_limits(&format!("{{ memory = {written} }}")).memory, Some(bytes), "{written}");
    }
}

#[test]
fn durations_have_units() {
    for (written, milliseconds) in
        [("1ms", 1), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("1h 1m 1s 1ms", 3_661_001)]
    {
        let time = step_limits(&format!("{{ time = \"{written}\" }}")).time;
        assert_eq!(time, Some(Duration::from_millis(milliseconds)), "{written}");
    }
}

#[test]
fn values_outside_of_the_bounds_are_reported() {
    for (key, least, most, below, above) in [
        ("memory", "65536", "\"4GiB\"", "65535", "4294967297"),
        ("time", "\"1ms\"", "\"8760h\"", "\"0ms\"", "\"8760h1ms\""),
        ("fuel", "1", "18446744073709551615", "0", "18446744073709551616"),
        ("output-rows", "1", "4294967295", "0", "4294967296"),
        ("output-bytes", "1", "\"4GiB\"", "0", "4294967297"),
        ("log-bytes", "0", "\"16MiB\"", "-1", "16777217"),
    ] {
        for inside in [least, most] {
            assert_ne!(step_limits(&format!("{{ {key} = {inside} }}")), LimitSettings::default(), "{key} = {inside}");
        }
        for outside in [below, above] {
            let reported = wrong(&format!("{key} = {outside}"));
            let expected = format!(": `{key}` in [step.limits] is {outside}, which is out of range (give a");
            assert!(reported.contains(&expected), "{reported}");
            assert_eq!(reported.lines().count(), 1, "{reported}");
        }
    }
}

#[test]
fn invalid_sizes_are_reported() {
    assert_snapshot!(wrong(r#"memory = "256mib", output-bytes = "64M", log-bytes = "1.5KiB""#), @r#"
    p.toml:10:21: `memory` in [step.limits] is "256mib", which has an unknown unit `mib` (did you mean `MiB`?) (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:46: `output-bytes` in [step.limits] is "64M", which has an unknown unit `M` (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:65: `log-bytes` in [step.limits] is "1.5KiB", which has a fraction; use a smaller unit (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    "#);
    assert_snapshot!(wrong(r#"memory = "lots", output-bytes = "", log-bytes = 1.5"#), @r#"
    p.toml:10:21: `memory` in [step.limits] is "lots", which does not begin with a whole number (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:44: `output-bytes` in [step.limits] is "", which does not begin with a whole number (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:60: `log-bytes` in [step.limits] is a float, not a size in bytes (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    "#);
    assert_snapshot!(wrong(r#"memory = "1MiB1GiB", output-bytes = "-5B", log-bytes = "1MiB\u001b[2J""#), @r#"
    p.toml:10:21: `memory` in [step.limits] is "1MiB1GiB", which has units that are repeated or not in order, the largest first (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:48: `output-bytes` in [step.limits] is "-5B", which does not begin with a whole number (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    p.toml:10:67: `log-bytes` in [step.limits] is "1MiB\u{1b}[2J", which has an unknown unit `MiB\u{1b}[` (write a number and a unit, such as "64KiB", "256MiB", "1GiB", "10KB", "5MB", "2GB" or "100B", or a plain number of bytes)
    "#);
    assert_snapshot!(wrong(r#"memory = "5GiB", output-bytes = "99999999999999999999GiB", log-bytes = -1"#), @r#"
    p.toml:10:21: `memory` in [step.limits] is "5GiB", which is out of range (give a size from 64KiB to 4GiB: memory is allocated in pages of 64KiB, and a step's addresses have 32 bits)
    p.toml:10:44: `output-bytes` in [step.limits] is "99999999999999999999GiB", which is out of range (give a size from 1B to 4GiB: an output is in the memory of its step, whose addresses have 32 bits)
    p.toml:10:83: `log-bytes` in [step.limits] is -1, which is out of range (give a size from 0B to 16MiB: the logs of every batch in flight are in memory)
    "#);
}

#[test]
fn invalid_durations_are_reported() {
    assert_snapshot!(wrong("time = 30"), @r#"p.toml:10:19: `time` in [step.limits] is 30, which has no unit (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"30\""), @r#"p.toml:10:19: `time` in [step.limits] is "30", which has no unit (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"30 sec\""), @r#"p.toml:10:19: `time` in [step.limits] is "30 sec", which has an unknown unit `sec` (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"30S\""), @r#"p.toml:10:19: `time` in [step.limits] is "30S", which has an unknown unit `S` (did you mean `s`?) (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"1.5s\""), @r#"p.toml:10:19: `time` in [step.limits] is "1.5s", which has a fraction; use a smaller unit (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"30s1m\""), @r#"p.toml:10:19: `time` in [step.limits] is "30s1m", which has units that are repeated or not in order, the largest first (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = 00:30:00"), @r#"p.toml:10:19: `time` in [step.limits] is a date or time, not a duration (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")"#);
    assert_snapshot!(wrong("time = \"0s\""), @r#"p.toml:10:19: `time` in [step.limits] is "0s", which is out of range (give a duration from 1ms to 8760h)"#);
    assert_snapshot!(wrong("time = \"99999999999999999999h\""), @r#"p.toml:10:19: `time` in [step.limits] is "99999999999999999999h", which is out of range (give a duration from 1ms to 8760h)"#);
}

#[test]
fn invalid_counts_are_reported() {
    assert_snapshot!(wrong("fuel = \"1000\", output-rows = 0"), @r#"
    p.toml:10:19: `fuel` in [step.limits] is a string, not an integer
    p.toml:10:41: `output-rows` in [step.limits] is 0, which is out of range (give an integer from 1 to 4294967295)
    "#);
}

#[test]
fn unknown_limits_and_wrong_types_are_reported() {
    assert_snapshot!(wrong("memroy = \"1GiB\""), @"p.toml:10:12: unknown key `memroy` in [step.limits] (did you mean `memory`? [step.limits] takes compile-memory, compile-time, fuel, log-bytes, memory, output-bytes, output-rows and time)");
    assert_snapshot!(broken("[[source]]", "[limits]\ncpu = 1\n[[source]]"), @"p.toml:5:1: unknown key `cpu` in [limits] ([limits] takes compile-memory, compile-time, fuel, log-bytes, memory, output-bytes, output-rows and time)");
    assert_snapshot!(broken("[[source]]", "[[limits]]\n[[source]]"), @r#"p.toml:4:1: `limits` is an array, not a table such as `{ memory = "256MiB", time = "30s" }`"#);
}

#[test]
fn an_argument_replaces_the_setting_of_the_file() {
    let text = VALID.replace("[[sink]]", "limits = { memory = \"1MiB\", fuel = 5 }\n[[sink]]");
    let overrides = limit(&["trim.memory=2MiB", "trim.time=1m30s", "trim.output-rows=100_000", "trim.memory=\"3MiB\""]);
    let limits = parse(&text).with(&overrides).expect("all are valid").steps.remove(0).limits;
    let expected = LimitSettings {
        memory: Some(3 << 20),
        time: Some(Duration::from_secs(90)),
        fuel: Some(5),
        output_rows: Some(100_000),
        ..LimitSettings::default()
    };
    assert_eq!(limits.value, expected);
    assert_eq!(limits.location, ConfigLocation::Argument("--limit trim.memory=\"3MiB\"".into()));
}

#[test]
fn all_invalid_arguments_are_reported_together() {
    let arguments = [
        "trim",
        "memory=1GiB",
        "trm.memory=1GiB",
        "trim.memroy=1GiB",
        "trim.cpu=1",
        "trim.time=30",
        "trim.memory=5GiB",
        "trim.fuel=much",
    ];
    let reported = parse(VALID).with(&limit(&arguments)).expect_err("all are invalid").to_string();
    assert_snapshot!(reported, @r#"
    --limit trim: there is no `=` in it (write it as STEP.NAME=VALUE, such as filter.memory=256MiB)
    --limit memory=1GiB: there is no `.` after the name of the step (write it as STEP.NAME=VALUE, such as filter.memory=256MiB)
    --limit trm.memory=1GiB: there is no step "trm" (did you mean "trim"? the steps are trim)
    --limit trim.memroy=1GiB: there is no limit `memroy` (did you mean `memory`? the limits are memory, time, fuel, output-rows, output-bytes, log-bytes, compile-time and compile-memory)
    --limit trim.cpu=1: there is no limit `cpu` (the limits are memory, time, fuel, output-rows, output-bytes, log-bytes, compile-time and compile-memory)
    --limit trim.time=30: `time` is 30, which has no unit (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")
    --limit trim.memory=5GiB: `memory` is "5GiB", which is out of range (give a size from 64KiB to 4GiB: memory is allocated in pages of 64KiB, and a step's addresses have 32 bits)
    --limit trim.fuel=much: `fuel` is a string, not an integer
    "#);
}
