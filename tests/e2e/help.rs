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
      runs         List runs and what became of them
      check        Check a pipeline without running it, and print its graph with the columns along each
                   edge
      graph        Draw a pipeline's graph with the columns along each edge, without running it
      schema       Print the JSON Schema of the pipeline file, for editors
      pipe         Run steps without a pipeline file, from standard input to standard output
      inspect      Explain a step: what it does, its parameters, its columns, what it imports
      new          Make the folder of a new step, which builds, passes its case and runs as it is
      build        Compile steps to components and print their paths
      test         Run the cases of steps and compare what comes out with what is expected
      cache        Show how much is kept from run to run, or remove some of it
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -v, --verbose...       Tell more of what Stillbox does; twice for everything
          --cache-dir <DIR>  Where compiled components are kept, and in its folder `outputs` what steps
                             made [default: stillbox/components and stillbox/outputs in the user's cache
                             directory] [env: STILLBOX_CACHE=]
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
    130 / 143 / 129 stopped by SIGINT / SIGTERM / SIGHUP.
    "#);
}

#[test]
fn run_help_lists_every_option() {
    insta::assert_snapshot!(help(&["run", "--help"]).text(), @r#"
    Run a pipeline

    Usage: stillbox run [OPTIONS] <PIPELINE.toml>

    Arguments:
      <PIPELINE.toml>
              The pipeline file

    Options:
      -i, --input <PATH>
              Read from here instead; `-` is standard input

      -o, --output <PATH>
              Write to here instead; `-` is standard output

          --set <STEP.PARAMETER=VALUE>
              Set a parameter of a step, such as `filter.min-words=5`; may be repeated

          --limit <STEP.NAME=VALUE>
              Set a limit of a step, such as `filter.memory=256MiB`; may be repeated
              
              The limits are memory, output-bytes and log-bytes (such as 64KiB, 256MiB or 1GB), time for
              a batch (such as 500ms, 30s or 1m30s), fuel and output-rows (whole numbers). They replace
              those of the pipeline file.

      -t, --threads <N>
              Threads that run steps, at most 4 for each core [default: one for each core]

          --progress <HOW>
              How to show progress

              Possible values:
              - auto:  A bar on a terminal, plain lines elsewhere
              - bar:   A bar
              - plain: A line now and then
              - none:  Only the end
              
              [default: auto]

          --max-rejects <N|N%>
              Fail the run when more rows than this are rejected: a number such as `100`, or a share
              such as `1%`
              
              Rows are rejected by steps with `on-failure = "reject"`, and go to the file of
              `[rejects]`. A share is of the rows that are read. This replaces `max-rejects` of the
              pipeline file; without either, any number may be rejected.

          --failures <FILE.jsonl>
              Write every failure to this file, one JSON object a line

          --message-format <FORMAT>
              How to tell what happens

              Possible values:
              - human: Text for people, on standard error
              - json:  One JSON object a line on standard output; rows then have to go elsewhere
              
              [default: human]

          --grace <DURATION>
              When stopped by a signal, let batches in flight go on for this long, such as `10s` or
              `1m30s` [default: stop at once]
              
              No new batch begins. A second signal ends the run at once.

          --resume [<RUN>]
              Go on with the run of this pipeline that was stopped, failed or was killed; begin anew if
              there is none
              
              With RUN, go on with that run, or fail. The outputs become what they would have become
              without the stop. A pipeline, component or input that has changed is refused.

          --restart
              Begin anew, and throw away what is kept of a run that could go on

          --checkpoint-every <DURATION>
              How often to make sure that the run can go on from where it is, such as `30s` or `1m`
              
              What is written is put on the disk for it. A run that fails or is stopped does so once
              more.
              
              [default: 5s]

      -v, --verbose...
              Tell more of what Stillbox does; twice for everything

          --cache-dir <DIR>
              Where compiled components are kept, and in its folder `outputs` what steps made [default:
              stillbox/components and stillbox/outputs in the user's cache directory]
              
              [env: STILLBOX_CACHE=]

          --state-dir <DIR>
              Where runs keep what they need to go on [default: stillbox/runs in the user's state
              directory]
              
              [env: STILLBOX_STATE]

          --watch
              Run again whenever the pipeline file, a step's sources or an input changes, until Ctrl-C

      -h, --help
              Print help (see a summary with '-h')
    "#);
}
