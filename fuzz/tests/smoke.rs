//! Each target of the fuzz driver passes some inputs without a finding.

use std::process::Command;

#[test]
fn the_first_inputs_of_every_target_have_no_finding() {
    let driver = Command::new(env!("CARGO_BIN_EXE_stillbox-fuzz")).args(["--count", "150"]).output();
    let output = driver.expect("the driver can be run");
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.lines().count() >= 14, "{stdout}");
}

#[test]
fn an_unknown_target_is_an_error() {
    let driver = Command::new(env!("CARGO_BIN_EXE_stillbox-fuzz")).arg("nothing").output();
    let output = driver.expect("the driver can be run");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no target nothing"));
}
