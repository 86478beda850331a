//! `stillbox graph`: drawings of pipelines.

use quick_xml::Reader;
use quick_xml::events::Event;
use stillbox_test_guests::{GROUP_BY, NORMALIZE_TEXT, TEXT_FEATURES};

use crate::harness::{Folder, PipelineFile, component_step, pipeline, sink, source};

/// A folder with a pipeline that has every kind of node, a route, and a sink with two parents.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("articles.jsonl", "{\"id\": 1, \"lang\": \"en\", \"body\": \"Tea.\"}\n");
    let route = r#"{ by = "column", column = "lang", cases = { en = "clean" }, otherwise = "features" }"#;
    let count = r#"columns = ["lang"], aggregates = [{ function = "count", into = "n" }]"#;
    let all =
        r#"[{ name = "clean", drop = ["lang"] }, { name = "features", drop = ["n_words", "n_bytes", "tri_hash"] }]"#;
    let body = r#"column = "body""#;
    folder.write_pipeline(
        PipelineFile::new()
            .name("every <kind>")
            .add(source("articles.jsonl").name("articles").set("route", route))
            .add(component_step("clean", NORMALIZE_TEXT).parameters(body))
            .add(component_step("features", TEXT_FEATURES).parameters(body).set("drop", r#"["lang"]"#))
            .add(component_step("languages", GROUP_BY).parameters(count).from(&["clean"]).select(&["lang"]))
            .add(sink("all.jsonl").name("all").set("from", all).combine("rows"))
            .add(sink("counts.csv").name("counts").from(&["languages"])),
    );
    folder
}

fn drawing(folder: &Folder, format: &str) -> String {
    let graph = folder.stillbox(["graph", "pipeline.toml", "--format", format]).succeeded();
    graph.text().to_owned()
}

#[test]
fn graph_draws_a_pipeline_as_mermaid() {
    insta::assert_snapshot!(drawing(&folder(), "mermaid"), @r##"
    flowchart TB
        n0(["articles<br/>articles#46;jsonl"])
        n1["clean<br/>normalize#45;text 0#46;1#46;0"]
        n2["features<br/>text#45;features 0#46;1#46;0"]
        n3[["languages<br/>group#45;by 0#46;1#46;0"]]
        n4(["all<br/>all#46;jsonl<br/>rows one after the other"])
        n5(["counts<br/>counts#46;csv"])
        n0 -- "#40;lang #61; en#41;<br/>id#58; integer<br/>lang#58; text<br/>body#58; text" --> n1
        n0 -- "#40;otherwise#41;<br/>id#58; integer<br/>body#58; text" --> n2
        n1 -- "lang#58; text" --> n3
        n1 -- "id#58; integer<br/>body#58; text" --> n4
        n2 -- "id#58; integer<br/>body#58; text" --> n4
        n3 -- "lang#58; text<br/>n#58; integer" --> n5
    "##);
}

#[test]
fn graph_draws_a_pipeline_as_dot() {
    insta::assert_snapshot!(drawing(&folder(), "dot"), @r#"
    digraph "every <kind>" {
        node [shape=box, fontname="monospace", fontsize=12];
        edge [fontname="monospace", fontsize=10];
        n0 [label="articles\narticles.jsonl", style=rounded];
        n1 [label="clean\nnormalize-text 0.1.0"];
        n2 [label="features\ntext-features 0.1.0"];
        n3 [label="languages\ngroup-by 0.1.0", peripheries=2];
        n4 [label="all\nall.jsonl\nrows one after the other", style=rounded];
        n5 [label="counts\ncounts.csv", style=rounded];
        n0 -> n1 [label="(lang = en)\lid: integer\llang: text\lbody: text\l"];
        n0 -> n2 [label="(otherwise)\lid: integer\lbody: text\l"];
        n1 -> n3 [label="lang: text\l"];
        n1 -> n4 [label="id: integer\lbody: text\l"];
        n2 -> n4 [label="id: integer\lbody: text\l"];
        n3 -> n5 [label="lang: text\ln: integer\l"];
    }
    "#);
}

/// The texts of an SVG drawing, in its order. Fails the test unless the drawing is well-formed.
fn texts(svg: &str) -> Vec<String> {
    let mut reader = Reader::from_str(svg);
    let mut texts = vec![String::new()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(_) | Event::End(_) => texts.push(String::new()),
            Event::Text(text) => texts.last_mut().unwrap().push_str(&text.decode().unwrap()),
            Event::GeneralRef(name) => {
                let text = match &*name.decode().unwrap() {
                    "lt" => "<".to_owned(),
                    "gt" => ">".to_owned(),
                    "amp" => "&".to_owned(),
                    "quot" => "\"".to_owned(),
                    "apos" => "'".to_owned(),
                    other => panic!("the entity {other}"),
                };
                texts.last_mut().unwrap().push_str(&text);
            }
            Event::Eof => return texts.into_iter().filter(|text| !text.trim().is_empty()).collect(),
            _ => {}
        }
    }
}

#[test]
fn graph_draws_a_pipeline_as_svg() {
    let svg = drawing(&folder(), "svg");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
    let texts = texts(&svg);
    assert_eq!(texts[0], "every <kind>");
    for text in ["articles", "articles.jsonl", "(lang = en)", "(otherwise)", "n: integer", "counts.csv"] {
        assert!(texts.iter().any(|found| found == text), "{text} is missing: {texts:?}");
    }
    assert_eq!(svg.matches("marker-end").count(), 6, "an arrow for each edge");
}

#[test]
fn graph_escapes_names_in_every_format() {
    let folder = Folder::new();
    let column = "\u{1b}\\\"]<b>x</b>&amp;\u{202e}\u{ffff}";
    let row = serde_json::json!({ column: 1 });
    folder.write("in.jsonl", format!("{row}\n"));
    folder.write_pipeline(pipeline("in.jsonl", &[], "out.jsonl"));
    let svg = drawing(&folder, "svg");
    assert!(texts(&svg).iter().any(|text| text.contains("<b>x</b>&amp;")), "{svg}");
    assert!(!svg.contains("<b>"), "{svg}");
    let dot = drawing(&folder, "dot");
    assert!(dot.contains(r#"\\\"]<b>x"#), "{dot}");
    let mermaid = drawing(&folder, "mermaid");
    assert!(mermaid.contains("#34;#93;#60;b#62;"), "{mermaid}");
    for text in [svg, dot, mermaid] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{ffff}']), "{text:?}");
    }
}

#[test]
fn graph_draws_a_route_by_a_column_that_an_empty_input_lacks() {
    let folder = folder();
    folder.write("articles.jsonl", "");
    let mermaid = drawing(&folder, "mermaid");
    assert!(mermaid.contains("lang #61; en"), "{mermaid}");
}
