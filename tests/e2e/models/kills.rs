//! Runs that are killed many times: what they pay again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use stillbox_test_guests::ASK;

use super::{answer, answers, asking, server, write_prompts};
use crate::harness::{Folder, end, send, spawn};

const KILLS: usize = 100;
const PROMPTS: usize = 4000;
const CONCURRENCY: usize = 8;

/// The requests that the server got: for each prompt the processes that asked, and the answers.
type Asked = HashMap<String, Vec<(usize, String)>>;

/// Run it after a change of the journal: it takes some minutes.
#[test]
#[ignore = "kills a run 100 times"]
fn a_run_that_is_killed_a_hundred_times_pays_again_for_requests_on_their_way_alone() {
    let asked: Arc<Mutex<Asked>> = Arc::default();
    let process = Arc::new(AtomicUsize::new(0));
    let (sender, requests) = channel();
    let sender = Mutex::new(sender);
    let server = server({
        let (asked, process, all) = (Arc::clone(&asked), Arc::clone(&process), AtomicUsize::new(0));
        move |prompt| {
            // Every answer is another one, as at temperature 1.
            let text = format!("answer {}", all.fetch_add(1, Ordering::SeqCst));
            let entry = (process.load(Ordering::SeqCst), text.clone());
            asked.lock().unwrap().entry(prompt.to_owned()).or_default().push(entry);
            let _ = sender.lock().unwrap().send(());
            // A server takes time, so that requests are on their way at any moment.
            thread::sleep(Duration::from_millis(3));
            answer(&text)
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..PROMPTS);
    folder.write_pipeline(asking(&server, &format!("concurrency = {CONCURRENCY}")).batch_rows(100));
    for kill in 0..KILLS {
        process.store(kill, Ordering::SeqCst);
        let child = spawn(folder.command().args(["run", "pipeline.toml", "--resume", "--threads", "2"]));
        // From one request to 60, so that kills hit every phase of a batch.
        for _ in 0..=(kill * 37 % 60) {
            requests.recv_timeout(Duration::from_mins(1)).expect("the server gets requests");
        }
        send(&child, Signal::KILL);
        end(child);
        requests.try_iter().for_each(drop);
    }
    process.store(KILLS, Ordering::SeqCst);
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    let asked = asked.lock().unwrap();
    let results = answers(&folder);
    assert_eq!((results.len(), asked.len()), (PROMPTS, PROMPTS));
    for (prompt, result) in &results {
        let last = asked[prompt].last().map(|(_, text)| text);
        assert_eq!(last, Some(result), "an answer that was stored is not asked for again: {prompt}");
    }
    // A request that a later process sends again was on its way when the process was killed.
    let mut lost: BTreeMap<usize, usize> = BTreeMap::new();
    for requests in asked.values() {
        let (_, earlier) = requests.split_last().expect("a prompt was asked");
        for (process, _) in earlier {
            *lost.entry(*process).or_default() += 1;
        }
    }
    let paid: usize = asked.values().map(Vec::len).sum();
    let on_their_way: usize = lost.values().sum();
    eprintln!("{KILLS} kills: {paid} requests paid, {PROMPTS} distinct, {on_their_way} on their way at kills");
    assert!(lost.values().all(|lost| *lost <= CONCURRENCY), "more than {CONCURRENCY} lost by one kill: {lost:?}");
    assert!(lost.keys().all(|process| *process < KILLS));
}
