//! Credentials of Docker: from its configuration and from helpers, and in no message.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use stillbox_test_guests::ADD_COLUMN;

use super::command;
use crate::harness::registry::{DockerRegistry, PASSWORD, USER, storing_registry};
use crate::harness::{Folder, Outcome, outcome, response};

/// `USER:PASSWORD` in base64.
const AUTH: &str = "dXNlcjpjb3JyZWN0IGhvcnNl";

/// A folder whose helper `docker-credential-test` is this shell script.
fn with_helper(script: &str) -> Folder {
    let folder = Folder::new();
    folder.write("bin/docker-credential-test", format!("#!/bin/sh\n{script}\n"));
    let helper = folder.join("bin/docker-credential-test");
    fs::set_permissions(helper, Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs the command with the folder's helpers, and everything in the log.
fn stillbox<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    outcome(command(folder).args(arguments).arg("-vv").env("PATH", path))
}

#[track_caller]
fn assert_secret(outcome: &Outcome) {
    let text = format!("{}{}", outcome.text(), outcome.stderr);
    for secret in [PASSWORD, AUTH, &AUTH[9..]] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_registry_with_a_password_takes_that_of_docker() {
    let Some(registry) = DockerRegistry::with_password() else { return };
    let reference = format!("oci://{}/org/clean:1", registry.address);
    let helper = format!(
        "read server\n[ \"$1 $server\" = \"get {}\" ] && echo '{{\"ServerURL\":\"a\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'",
        registry.address
    );
    for config in [
        format!(r#"{{"auths":{{"{}":{{"auth":"{AUTH}"}}}}}}"#, registry.address),
        format!(r#"{{"auths":{{"{0}":{{}}}},"credHelpers":{{"{0}":"test"}}}}"#, registry.address),
        r#"{"credsStore":"test"}"#.to_owned(),
    ] {
        let folder = with_helper(&helper);
        folder.write("docker/config.json", &config);
        let pushed = stillbox(&folder, ["push", ADD_COLUMN, &reference]);
        assert_secret(&pushed);
        let pinned = pushed.succeeded().text().trim_end().to_owned();
        assert_secret(&stillbox(&folder, ["pull", &pinned]).succeeded());
    }
    let folder = Folder::new();
    let message = stillbox(&folder, ["pull", &reference]).failed(1);
    let last = message.lines().skip_while(|line| !line.starts_with("error")).collect::<Vec<_>>().join("\n");
    let last = last.replace(&registry.address, "REGISTRY").replace(&*folder.path().to_string_lossy(), "HOME");
    insta::assert_snapshot!(last, @"
    error: cannot download `oci://REGISTRY/org/clean:1`: REGISTRY does not permit it: 401 Unauthorized (UNAUTHORIZED: authentication required)
      hint: registries answer like this for a name that does not exist, too: check `org/clean`
      hint: no credentials were sent: there is no `HOME/docker/config.json`, which `docker login REGISTRY` creates
    ");
}

#[test]
fn a_helper_that_fails_is_named_without_its_output() {
    let registry = storing_registry(|_| Some(response("403 Forbidden", "", "{\"errors\":[{\"code\":\"DENIED\"}]}")));
    let reference = format!("oci://{}/org/clean:1", registry.address);
    let errors = [
        ("test", format!("echo '{PASSWORD}' >&2; echo '{PASSWORD}'; exit 3")),
        ("test", format!("echo '{{\"Username\":\"{USER}\",\"Password\":\"{PASSWORD}\"}}'")),
        ("test", "echo 'credentials not found in native keychain'; exit 1".to_owned()),
        ("missing", String::new()),
        ("../test", String::new()),
    ]
    .map(|(name, script)| {
        let folder = with_helper(&script);
        folder.write("docker/config.json", format!(r#"{{"credsStore":"{name}"}}"#));
        let outcome = stillbox(&folder, ["pull", &reference]);
        assert_secret(&outcome);
        let message = outcome.failed(1);
        let hint = message.lines().last().unwrap_or_default().to_owned();
        hint.replace(&registry.address.to_string(), "REGISTRY").replace(&*folder.path().to_string_lossy(), "HOME")
    });
    insta::assert_snapshot!(errors.join("\n"), @"
    hint: no credentials were sent: the helper `docker-credential-test` of the configuration of Docker failed with exit status: 3
    hint: no credentials were sent: the helper `docker-credential-test` of the configuration of Docker has printed no credentials
    hint: no credentials were sent: `HOME/docker/config.json` has none for `REGISTRY`, which `docker login REGISTRY` adds
    hint: no credentials were sent: the helper `docker-credential-missing` of the configuration of Docker cannot be started (entity not found)
    hint: no credentials were sent: the helper `docker-credential-../test` of the configuration of Docker has a name that is not one of a program
    ");
}
