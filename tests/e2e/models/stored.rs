//! Stored answers: nothing is paid twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use stillbox_test_guests::ASK;

use super::{answer, answers, ask, asking, error, finished, model, rejected, server, write_prompts};
use crate::harness::{Folder, PipelineFile, Server, end, ok, send, spawn};

/// A server with another answer each time. The second value counts the requests by their prompts.
fn counting() -> (Server, Arc<Mutex<HashMap<String, usize>>>) {
    let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let all = Arc::new(AtomicUsize::new(0));
    let server = server({
        let counts = Arc::clone(&counts);
        move |prompt| {
            *counts.lock().unwrap().entry(prompt.to_owned()).or_default() += 1;
            answer(&format!("answer {}", all.fetch_add(1, Ordering::SeqCst)))
        }
    });
    (server, counts)
}

#[test]
fn a_run_that_is_killed_pays_again_for_requests_on_their_way_alone() {
    let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (sender, asked) = channel();
    let sender = Mutex::new(sender);
    let all = Arc::new(AtomicUsize::new(0));
    let server = server({
        let counts = Arc::clone(&counts);
        move |prompt| {
            *counts.lock().unwrap().entry(prompt.to_owned()).or_default() += 1;
            let _ = sender.lock().unwrap().send(());
            answer(&format!("answer {}", all.fetch_add(1, Ordering::SeqCst)))
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..200);
    folder.write_pipeline(asking(&server, "concurrency = 4").batch_rows(20));
    let mut kills = 0;
    for requests in [30, 20, 50] {
        let child = spawn(folder.command().args(["run", "pipeline.toml", "--resume", "--threads", "2"]));
        for _ in 0..requests {
            asked.recv_timeout(Duration::from_secs(30)).expect("the server gets requests");
        }
        send(&child, Signal::KILL);
        end(child);
        kills += 1;
    }
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(answers(&folder).len(), 200);
    let counts = counts.lock().unwrap();
    let paid: usize = counts.values().sum();
    assert_eq!(counts.len(), 200);
    assert!(paid <= 200 + kills * 4, "{paid} requests were paid for 200 prompts and {kills} kills");
    // Every answer in the output is one that the server gave.
    assert!(answers(&folder).values().all(|answer| answer.starts_with("answer ")));
}

#[test]
fn equal_prompts_have_answers_of_their_own_which_a_resumed_run_has_again() {
    let (server, counts) = counting();
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, vec!["same"; 6].into_iter().chain(["bad"]));
    let fails = Arc::new(AtomicUsize::new(0));
    let flaky = super::server({
        let (counts, fails) = (Arc::clone(&counts), Arc::clone(&fails));
        move |prompt| {
            if prompt == "bad" {
                return if fails.fetch_add(1, Ordering::SeqCst) == 0 {
                    error("401 Unauthorized", "", "no")
                } else {
                    answer("good")
                };
            }
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(prompt.to_owned()).or_default();
            *count += 1;
            answer(&format!("answer {count}"))
        }
    });
    drop(server);
    let pipeline = || PipelineFile::new().batch_rows(3).add(ask()).toml(&model(&flaky, "concurrency = 1"));
    folder.run_with(pipeline(), ["--threads", "1"]).failed(1);
    folder.run_with(pipeline(), ["--threads", "1", "--resume"]).succeeded();
    let given: Vec<String> =
        folder.json_lines("output.jsonl").iter().map(|row| row["answer"].as_str().unwrap().to_owned()).collect();
    assert_eq!(given, ["answer 1", "answer 2", "answer 3", "answer 4", "answer 5", "answer 6", "good"]);
    assert_eq!(counts.lock().unwrap()["same"], 6);
}

#[test]
fn tokens_of_refused_and_cut_answers_count_in_a_resumed_run() {
    let is_first = AtomicBool::new(true);
    let server = server(move |prompt| match prompt {
        "refused" => {
            let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 });
            let choice = json!({ "message": { "content": null, "refusal": "No." } });
            ok(&json!({ "choices": [choice], "usage": usage }).to_string())
        }
        "cut" => finished("and so on", "length"),
        "stop" if is_first.swap(false, Ordering::SeqCst) => error("401 Unauthorized", "", "wrong key"),
        _ => answer("fine"),
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["refused", "cut", "stop"]);
    let pipeline = asking(&server, "").batch_rows(1);
    folder.run_with(&pipeline, ["--resume", "--threads", "1"]).failed(1);
    let events = folder.run_with(&pipeline, ["--resume", "--message-format", "json"]).succeeded().json_lines();
    let model = &events.last().unwrap()["report"]["models"][0];
    assert_eq!((&model["input_tokens"], &model["output_tokens"]), (&json!(27), &json!(7)), "{model}");
    assert_eq!((&model["requests"], &model["stored_answers"]), (&json!(1), &json!(2)), "{model}");
}

#[test]
fn a_retry_of_a_batch_pays_only_for_what_failed() {
    let (counts, fails) = (Arc::new(Mutex::new(HashMap::<String, usize>::new())), AtomicUsize::new(0));
    let server = server({
        let counts = Arc::clone(&counts);
        move |prompt| {
            *counts.lock().unwrap().entry(prompt.to_owned()).or_default() += 1;
            match prompt {
                "3" if fails.fetch_add(1, Ordering::SeqCst) < 2 => error("500 Internal Server Error", "", "oops"),
                _ => answer("fine"),
            }
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..10);
    let table = ask().on_failure("retry = 3, backoff = \"1ms\", then = \"reject\"");
    let more = "retries = 0\nconcurrency = 10";
    folder.run(PipelineFile::new().add(table).rejects().toml(&model(&server, more))).succeeded();
    assert_eq!((answers(&folder).len(), rejected(&folder).len()), (10, 0));
    let mut counts = counts.lock().unwrap();
    // The host asks whether the server answers at all.
    counts.remove("Hi");
    assert_eq!(counts.iter().filter(|(_, count)| **count > 1).count(), 1, "{counts:?}");
}

#[test]
fn a_complete_run_leaves_no_answers_and_a_restart_asks_again() {
    let (server, counts) = counting();
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..5);
    let stored = || walk(folder.state()).into_iter().filter(|path| path.ends_with("answers")).count();
    folder.run(asking(&server, "")).succeeded();
    assert_eq!(stored(), 0);
    folder.run(asking(&server, "")).succeeded();
    assert_eq!(counts.lock().unwrap()["0"], 2);
}

#[test]
fn a_step_with_a_cache_asks_nothing_twice_in_all_its_runs() {
    let (server, counts) = counting();
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..5);
    let pipeline = || PipelineFile::new().add(ask().cached()).toml(&model(&server, ""));
    folder.run(pipeline()).succeeded();
    let first = answers(&folder);
    write_prompts(&folder, 0..7);
    let summary = folder.run(pipeline()).succeeded().stderr;
    assert!(summary.contains("model writer: 2 requests, 5 stored answers"), "{summary}");
    assert!(first.iter().all(|(prompt, answer)| answers(&folder)[prompt] == *answer));
    assert_eq!(counts.lock().unwrap().values().sum::<usize>(), 7);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
