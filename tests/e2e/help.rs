//! The texts of `--help`.

use crate::harness::{Folder, Outcome, outcome};

/// Runs the command without the variables whose values would be in the text.
fn help(arguments: &[&str]) -> Outcome {
    let folder = Folder::new();
    let mut command = folder.command();
    command.env_remove("STILLBOX_CACHE").env_remove("STILLBOX_STATE");
    outcome(command.args(arguments)).succeeded()
}

#[test]
fn help_lists_commands_and_shows_a_pipeline_file() {
    insta::assert_snapshot!(help(&["--help"]).text(), @r#"
    Runs data pipelines whose steps are WebAssembly components

    Usage: stillbox [OPTIONS] <COMMAND>

    Commands:
      run          Run a pipeline
      runs         List runs, show one, or remove old ones
      replay       Make the call of a step again that failed in a run, from its bundle
      profile      Run a pipeline, and show which functions of its steps take the time
      check        Check a pipeline without running it, and print its graph
      graph        Draw a pipeline's graph with the columns of each edge, without running it
      lock         Write what the steps of a pipeline are, and what they are granted, to `stillbox.lock`
      schema       Print the JSON Schema of the pipeline file, for editors
      pipe         Run steps without a pipeline file, from standard input to standard output
      inspect      Describe a step: its summary, parameters, columns and imports
      new          Create the folder of a new step, with a case and a pipeline
      build        Compile steps to components and print their paths
      test         Run the cases of steps, and show differences between expected and actual rows
      pull         Download a component, and print its reference with the digest
      push         Upload a step to a registry, and print its reference with the digest
      cache        Show the sizes of the caches, or remove old entries
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -q, --quiet            Print errors, warnings and results only: no progress and no summary
      -v, --verbose...       Print the log of Stillbox; twice for more detail
          --cache-dir <DIR>  The folder of compiled components; its folder `outputs` has cached results
                             of steps, and `downloads` downloaded components [default:
                             stillbox/components, stillbox/outputs and stillbox/downloads in the user's
                             cache directory] [env: STILLBOX_CACHE=]
      -h, --help             Print help
      -V, --version          Print version

    A pipeline file names a source, steps and a sink:

        [pipeline]
        name = "clean-text"

        [[source]]
        path = "input.jsonl"

        [[step]]
        name = "normalize"
        component = "steps/normalize-text"   # a step crate's folder, or a .wasm file
        parameters = { column = "text" }

        [[sink]]
        path = "output.jsonl"

    Exit codes: 0 done, 1 a step, the input or a sink failed, 2 wrong usage or configuration,
    3 a replay had another outcome, 75 models answer in batches that have not ended,
    124 the time limit of the run has passed,
    130 / 143 / 129 / 131 stopped by SIGINT / SIGTERM / SIGHUP / SIGQUIT.
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one text")]
fn run_help_lists_every_option() {
    insta::assert_snapshot!(help(&["run", "--help"]).text(), @r#"
    Run a pipeline

    Usage: stillbox run [OPTIONS] <PIPELINE.toml>

    Arguments:
      <PIPELINE.toml>
              The pipeline file

    Options:
      -i, --input <PATH>
              Read this file instead; `-` is standard input

      -o, --output <PATH>
              Write this file instead; `-` is standard output

          --set <STEP.PARAMETER=VALUE>
              Set a parameter of a step, such as `filter.min-words=5`; may be repeated

          --limit <STEP.NAME=VALUE>
              Set a limit of a step, such as `filter.memory=256MiB`; may be repeated
              
              The limits are memory, output-bytes, log-bytes and compile-memory (such as 64KiB, 256MiB
              or 1GB), time for a batch and compile-time (such as 500ms, 30s or 1m30s), fuel and
              output-rows (whole numbers). They replace those of the pipeline file.

          --set-model <MODEL.KEY=VALUE>
              Set a key of a model, such as `writer.url=http://localhost:8000/v1`; may be repeated
              
              The keys are url, model, key, concurrency, requests-per-minute, tokens-per-minute, time,
              retries, give-up-after, corrections and batch. They replace those of `[[model]]` in the
              pipeline file.

          --no-build
              Reject folders of steps: a build runs scripts of the step outside of the sandbox

          --allow-http <URL>
              Grant every step requests below a URL, such as `https://api.example.org/v1/`; may be
              repeated
              
              Methods other than GET are in front of the URL: `GET,POST https://api.example.org/v1/`.

          --allow-dir <DIR>
              Grant every step reading a folder, which it finds at `/` and the folder's name; may be
              repeated

          --allow-write <DIR>
              Grant every step writing new files to a folder, which get there when the run is done; may
              be repeated

          --allow-env <NAME[=VALUE]>
              Pass every step a variable of the environment, or set one; may be repeated

          --policy <FILE.toml>
              Reject pipelines whose grants exceed those of this policy file
              
              [env: STILLBOX_POLICY]

      -t, --threads <N>
              Threads that run steps, at most 4 for each core [default: one per core]

          --progress <HOW>
              How to show progress

              Possible values:
              - auto:  A bar on a terminal, plain lines elsewhere
              - bar:   A bar
              - plain: A line every 10 seconds
              - none:  Only warnings and the summary
              
              [default: auto]

          --time <DURATION>
              Stop the run after this time, such as `10m`, with exit code 124
              
              Planning counts, with the builds and the compiling of steps. This replaces `time` of
              `[pipeline]`; without either, there is no limit. A run that saves checkpoints can be
              resumed, with the whole time again.

          --locked
              Fail if a step differs from `stillbox.lock` next to the pipeline file

          --untrusted
              Run a pipeline that nobody vouches for: compiled and locked components only, without
              grants, with low limits
              
              This includes `--locked`, `--no-build`, and `--bundle stillbox-bundles`. Grants and
              secrets of the file are ignored, and its limits lowered to at most 128 MiB of memory and
              10 s for a batch, and 10 min for the run.

          --max-rejects <N|N%>
              Fail the run if more rows than this are rejected: a number such as `100`, or a share such
              as `1%`
              
              Rows are rejected by sources with `on-bad-row = "reject"` and steps with `on-failure =
              "reject"`, and go to the file of `[rejects]`. A share is relative to the rows read. This
              replaces `max-rejects` of the pipeline file; without either, there is no limit.

          --failures <FILE.jsonl>
              Write every failure to this file, one JSON object per line

          --report <FILE.html>
              Write a report about the run to this file: an HTML page without scripts and links

          --junit <FILE.xml>
              Write a JUnit report to this file: a test suite for each step

          --sarif <FILE.sarif>
              Write the failures as SARIF to this file, for code scanning

          --trace <FILE.json>
              Write a trace of the run to this file, for `https://ui.perfetto.dev` or `chrome://tracing`

          --otlp <URL>
              Send traces and metrics by OTLP to this URL, or to `OTEL_EXPORTER_OTLP_ENDPOINT`

          --annotations <WHERE>
              Whether to mark failures in the files of a workflow, and to write its summary

              Possible values:
              - auto:   GitHub in one of its workflows, otherwise nowhere
              - github: GitHub
              - none:   Nowhere
              
              [default: auto]

          --bundle <DIR>
              Write a bundle to this folder for each failure, with which `stillbox replay` makes its
              call again
              
              A bundle has the component, its parameters, the rows of the call, and the responses that
              it got, without secrets. The first ten rejected rows have one, and each failure that ends
              the run. This replaces `bundle-on-failure` of `[pipeline]`.

          --columns [<NAME,NAME>]
              Leave out all columns of bundles but these, and those that the failing step reads
              
              Without a name, only the columns that the step reads are included.

          --message-format <FORMAT>
              Format of messages: events and failures
              
              With `json`, the rows of the pipeline have to go to a file.

              Possible values:
              - human: Text for people, on standard error
              - json:  One JSON object per line on standard output
              
              [default: human]

          --grace <DURATION>
              After a signal, let batches in flight finish for this time, such as `10s` or `1m30s`
              [default: stop at once]
              
              No new batch starts. A second signal ends the process immediately.

          --resume [<RUN>]
              Resume this pipeline's last unfinished run, or start a new one
              
              With RUN, resume that run, or fail if it cannot be resumed. The outputs are the same as
              those of a run without interruption. Fails if the pipeline, a component or an input has
              changed.

          --restart
              Start a new run, and discard an unfinished one

          --checkpoint-every <DURATION>
              The time between two checkpoints, such as `30s` or `1m`
              
              A run can be resumed from its last checkpoint. Each checkpoint flushes the outputs to
              disk. A run that fails or is stopped saves a final checkpoint.
              
              [default: 5s]

          --state-dir <DIR>
              The folder of the state of runs [default: stillbox/runs in the user's state directory]
              
              [env: STILLBOX_STATE]

          --show-output
              Print what steps log, and write to their standard output and standard error, as it comes
              
              Each line begins with the step and the batch. Without this, the last messages of a step
              are part of its failures.

          --on <CLUSTER>
              Run the steps on a cluster: `ray`, or `ray:ADDRESS` such as `ray:auto` or
              `ray:10.0.0.1:6379`
              
              Without an address, Ray connects to the cluster that `RAY_ADDRESS` names, or starts one on
              this machine. This needs the command of the Python package: `pip install "stillbox[ray]"`.

          --watch
              Run again after each change of the pipeline file, a step's sources or an input, until
              Ctrl-C

      -q, --quiet
              Print errors, warnings and results only: no progress and no summary

      -v, --verbose...
              Print the log of Stillbox; twice for more detail

          --cache-dir <DIR>
              The folder of compiled components; its folder `outputs` has cached results of steps, and
              `downloads` downloaded components [default: stillbox/components, stillbox/outputs and
              stillbox/downloads in the user's cache directory]
              
              [env: STILLBOX_CACHE=]

      -h, --help
              Print help (see a summary with '-h')
    "#);
}

/// The formats are shared with `stillbox run`, whose rows need a file; a test has none.
#[test]
fn the_help_of_test_is_about_results_and_has_no_backticks_around_names() {
    let outcome = help(&["test", "--help"]);
    let help = outcome.text();
    assert!(help.contains("Write a JUnit report to this file"), "{help}");
    assert!(help.contains("- json:  One JSON object per line on standard output\n"), "{help}");
    assert!(!help.contains("have to go to a file"), "{help}");
}
