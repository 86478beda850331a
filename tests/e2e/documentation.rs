//! The pages for users, compared with the command: options, commands in blocks for a shell, links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use regex::Regex;

use crate::harness::{Folder, outcome};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The pages for users, whose commands are checked.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![Path::new(ROOT).join("README.md")];
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).expect("there are pages");
    pages.extend(docs.map(|page| page.expect("it can be read").path()));
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    assert!(pages.len() >= 8, "{pages:?}");
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn help(command: &[&str]) -> String {
    let folder = Folder::new();
    let mut stillbox = folder.command();
    stillbox.env_remove("STILLBOX_CACHE").env_remove("STILLBOX_STATE");
    outcome(stillbox.args(command).arg("--help")).succeeded().text().to_owned()
}

/// The commands below a command, as its help lists them.
fn commands_in(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let names = Regex::new(r"(?m)^  ([a-z]+)  ").expect("it is right");
    let list = list.split("\n\n").next().unwrap_or(list);
    names.captures_iter(list).map(|name| name[1].to_owned()).filter(|name| name != "help").collect()
}

/// The options that a help lists.
fn options_in(help: &str) -> BTreeSet<String> {
    let options = Regex::new(r"(?m)^ +(?:-\w, )?(--[a-z][a-z-]*)").expect("it is right");
    options.captures_iter(help).map(|option| option[1].to_owned()).collect()
}

/// The options of each command, with those of the commands below it.
fn options() -> BTreeMap<String, BTreeSet<String>> {
    let commands = commands_in(&help(&[]));
    assert!(commands.len() >= 12, "{commands:?}");
    let of = |command: &String| {
        let own = help(&[command]);
        let below = commands_in(&own).into_iter().map(|name| help(&[command, &name]));
        let options = below.chain([own.clone()]).flat_map(|help| options_in(&help)).collect();
        (command.clone(), options)
    };
    commands.iter().map(of).collect()
}

/// The text under a heading of the second level, up to the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

#[test]
fn every_command_and_option_is_documented_and_no_other() {
    let page = read(&Path::new(ROOT).join("docs/command.md"));
    let mentioned = Regex::new(r"`[^`\n]*?(--[a-z][a-z-]*)").expect("it is right");
    let options_of = |text: &str| -> BTreeSet<String> {
        let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        cells.flat_map(|cell| mentioned.captures_iter(cell).map(|option| option[1].to_owned())).collect()
    };
    let of_every_command = options_of(section(&page, "Options of every command"));
    for (command, options) in options() {
        let documented = options_of(section(&page, &format!("stillbox {command}")));
        let own: BTreeSet<String> = options.difference(&of_every_command).cloned().collect();
        assert_eq!(documented, own, "docs/command.md on stillbox {command}");
    }
}

#[test]
fn every_environment_variable_of_an_option_is_documented() {
    let page = read(&Path::new(ROOT).join("docs/command.md"));
    let variable = Regex::new(r"\[env: ([A-Z_]+)").expect("it is right");
    let commands = commands_in(&help(&[]));
    let helps = commands.iter().map(|command| help(&[command])).chain([help(&[])]);
    let variables: BTreeSet<String> = helps
        .flat_map(|help| variable.captures_iter(&help).map(|name| name[1].to_owned()).collect::<Vec<_>>())
        .collect();
    assert!(variables.len() >= 2, "{variables:?}");
    let section = section(&page, "Environment variables");
    for variable in variables {
        assert!(section.contains(&format!("| `{variable}`")), "docs/command.md does not document {variable}");
    }
}

#[test]
fn commands_in_the_pages_have_options_that_exist() {
    let options = options();
    let option = Regex::new(r" (--[a-z][a-z-]*)").expect("it is right");
    let command = Regex::new(r"^stillbox ([a-z]+)").expect("it is right");
    let mut checked = 0;
    for page in pages() {
        let text = read(&page);
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        let inline = text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n'));
        let lines = blocks.flat_map(str::lines).chain(inline);
        for line in lines.flat_map(|line| line.split(" | ")) {
            let Some(name) = command.captures(line) else { continue };
            let known = options.get(&name[1]).unwrap_or_else(|| panic!("{}: `{line}`", page.display()));
            for option in option.captures_iter(line) {
                assert!(known.contains(&option[1]), "{}: `{line}` has no {}", page.display(), &option[1]);
            }
            checked += 1;
        }
    }
    assert!(checked >= 50, "{checked}");
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let plain = heading.trim().to_lowercase().replace(' ', "-");
    plain.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The path without `..`, of which each leaves one folder.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, component| {
        if component == Component::ParentDir {
            normal.pop();
        } else {
            normal.push(component);
        }
        normal
    })
}

/// The pages of the repository, without those of what was built or installed.
fn all_pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it is a folder") {
        let entry = entry.expect("it can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_other = ["target", "node_modules"].contains(&&*name) || name.starts_with('.') && name != ".github";
        let kind = entry.file_type().expect("it has a type");
        if kind.is_dir() {
            if !is_other {
                all_pages(&entry.path(), found);
            }
        } else if kind.is_file() && entry.path().extension().is_some_and(|extension| extension == "md") {
            found.push(entry.path());
        }
    }
}

#[test]
fn every_link_in_a_page_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("it is right");
    let heading = Regex::new(r"(?m)^#+ (.+)$").expect("it is right");
    let mut pages = Vec::new();
    all_pages(Path::new(ROOT), &mut pages);
    assert!(pages.len() >= 15, "{pages:?}");
    let mut broken = Vec::new();
    for page in pages {
        let text = read(&page);
        // Odd pieces are code.
        let prose: String = text.split("```").step_by(2).collect();
        for link in link.captures_iter(&prose) {
            let target = &link[1];
            if target.contains("://") {
                continue;
            }
            let (file, place) = target.split_once('#').map_or((target, None), |(file, place)| (file, Some(place)));
            let folder = page.parent().expect("it is in a folder");
            let file = if file.is_empty() { page.clone() } else { normal(&folder.join(file)) };
            let is_there = file.exists()
                && place.is_none_or(|place| {
                    heading.captures_iter(&read(&file)).any(|heading| anchor(&heading[1].replace('`', "")) == place)
                });
            if !is_there {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The sources of the host.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).expect("it is a folder") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push_str(&read(&path));
        }
    }
}

#[test]
fn every_type_in_the_glossary_is_in_the_code() {
    let mut code = String::new();
    sources(&Path::new(ROOT).join("host/core/src"), &mut code);
    let glossary = read(&Path::new(ROOT).join("docs/glossary.md"));
    let name = Regex::new(r"`([A-Z][A-Za-z]+)`").expect("it is right");
    let names: BTreeSet<&str> = name.captures_iter(&glossary).map(|name| name.extract::<1>().1[0]).collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        let definition = Regex::new(&format!(r"\b(struct|enum|trait|type) {name}\b")).expect("it is right");
        assert!(definition.is_match(&code), "docs/glossary.md names `{name}`, which the host does not define");
    }
}

#[test]
fn the_schema_that_is_printed_is_the_one_in_the_repository() {
    let printed = Folder::new().stillbox(["schema"]).succeeded();
    assert_eq!(printed.text(), include_str!("../../host/core/pipeline.schema.json"));
}
