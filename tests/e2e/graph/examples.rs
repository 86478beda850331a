//! The examples of `examples/graph-features`, each of which shows one feature.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use stillbox_test_guests::{DEDUPLICATE, GENERATE_ROWS, GROUP_BY, NORMALIZE_TEXT, TEXT_FEATURES};

use crate::harness::Folder;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/graph-features");
const STEPS: [(&str, &str); 5] = [
    ("deduplicate", DEDUPLICATE),
    ("generate-rows", GENERATE_ROWS),
    ("group-by", GROUP_BY),
    ("normalize-text", NORMALIZE_TEXT),
    ("text-features", TEXT_FEATURES),
];

/// Runs an example with the components that were built for the tests, and returns the names and texts of its outputs.
fn written(example: &str) -> String {
    let folder = Folder::new();
    let mut pipeline = fs::read_to_string(Path::new(EXAMPLES).join(format!("{example}.toml"))).unwrap();
    for (step, component) in STEPS {
        symlink(component, folder.join(&format!("{step}.wasm"))).unwrap();
        pipeline = pipeline.replace(&format!("\"../../steps/{step}\""), &format!("\"{step}.wasm\""));
    }
    folder.write("articles.jsonl", fs::read(Path::new(EXAMPLES).join("articles.jsonl")).unwrap());
    let before = folder.names();
    folder.run(pipeline).succeeded();
    let outputs = folder.names().into_iter().filter(|name| !before.contains(name) && name != "pipeline.toml");
    outputs.map(|name| format!("{name}\n{}", folder.text(&name))).collect()
}

#[test]
fn every_graph_example_has_a_test() {
    let names = fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned)).collect();
    names.sort();
    let tested =
        ["batch-size", "cache", "generator", "global", "mappings", "round-robin", "routing", "several-parents"];
    assert_eq!(names, tested);
}

#[test]
fn the_cache_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("cache"), @r"
    features.csv
    id,n_words
    1,10
    2,6
    3,3
    4,3
    6,8
    ");
}

#[test]
fn the_several_parents_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("several-parents"), @r#"
    all.jsonl
    {"id":1,"lang":"en","body":"The  kettle is on, and the tea is nearly ready."}
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":2,"lang":"de","body":"Der Kessel steht auf dem Herd."}
    {"id":2,"lang":"de","body":"der kessel steht auf dem herd."}
    {"id":3,"lang":"en","body":"A short one."}
    {"id":3,"lang":"en","body":"a short one."}
    {"id":4,"lang":"fr","body":"La bouilloire   chante."}
    {"id":4,"lang":"fr","body":"la bouilloire chante."}
    {"id":5,"lang":"en","body":"The  kettle is on, and the tea is nearly ready."}
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":6,"lang":"de","body":"Noch ein Satz, etwas länger als der erste."}
    {"id":6,"lang":"de","body":"noch ein satz, etwas länger als der erste."}
    features.jsonl
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready.","original":"The  kettle is on, and the tea is nearly ready.","n_words":11,"n_bytes":47,"tri_hash":825984368}
    {"id":2,"lang":"de","body":"der kessel steht auf dem herd.","original":"Der Kessel steht auf dem Herd.","n_words":6,"n_bytes":30,"tri_hash":230994329}
    {"id":3,"lang":"en","body":"a short one.","original":"A short one.","n_words":3,"n_bytes":12,"tri_hash":1783902100}
    {"id":4,"lang":"fr","body":"la bouilloire chante.","original":"La bouilloire   chante.","n_words":5,"n_bytes":23,"tri_hash":455242053}
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready.","original":"The  kettle is on, and the tea is nearly ready.","n_words":11,"n_bytes":47,"tri_hash":825984368}
    {"id":6,"lang":"de","body":"noch ein satz, etwas länger als der erste.","original":"Noch ein Satz, etwas länger als der erste.","n_words":8,"n_bytes":43,"tri_hash":524632295}
    "#);
}

#[test]
fn the_routing_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("routing"), @r#"
    english.jsonl
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":3,"lang":"en","body":"a short one."}
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    together.jsonl
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":2,"lang":"de","body":"Der Kessel steht auf dem Herd."}
    {"id":3,"lang":"en","body":"a short one."}
    {"id":4,"lang":"fr","body":"La bouilloire   chante."}
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":6,"lang":"de","body":"Noch ein Satz, etwas länger als der erste."}
    "#);
}

#[test]
fn the_round_robin_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("round-robin"), @r#"
    one.jsonl
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":3,"lang":"en","body":"a short one."}
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    right.jsonl
    {"id":2,"lang":"de","body":"der kessel steht auf dem herd."}
    {"id":4,"lang":"fr","body":"la bouilloire chante."}
    {"id":6,"lang":"de","body":"noch ein satz, etwas länger als der erste."}
    three.jsonl
    {"id":1,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    {"id":3,"lang":"en","body":"a short one."}
    two.jsonl
    {"id":5,"lang":"en","body":"the kettle is on, and the tea is nearly ready."}
    "#);
}

#[test]
fn the_mappings_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("mappings"), @r"
    words.csv
    id,words
    1,11
    2,6
    3,3
    4,5
    5,11
    6,8
    ");
}

#[test]
fn the_batch_size_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("batch-size"), @r"
    features.csv
    id,n_words
    1,10
    2,6
    3,3
    4,3
    5,10
    6,8
    ");
}

#[test]
fn the_generator_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("generator"), @r#"
    rows.jsonl
    {"id":0,"dice":5}
    {"id":1,"dice":5}
    {"id":2,"dice":1}
    {"id":3,"dice":4}
    {"id":4,"dice":1}
    "#);
}

#[test]
fn the_global_example_writes_the_expected_files() {
    insta::assert_snapshot!(written("global"), @r#"
    languages.csv
    lang,n
    en,2
    de,2
    fr,1
    unique.jsonl
    {"id":1,"lang":"en","body":"The  kettle is on, and the tea is nearly ready."}
    {"id":2,"lang":"de","body":"Der Kessel steht auf dem Herd."}
    {"id":3,"lang":"en","body":"A short one."}
    {"id":4,"lang":"fr","body":"La bouilloire   chante."}
    {"id":6,"lang":"de","body":"Noch ein Satz, etwas länger als der erste."}
    "#);
}
