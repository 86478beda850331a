use std::collections::HashMap;

use stillbox_sdk::{Input, Output};

#[derive(Input)]
struct Row {
    map: HashMap<String, i64>,
}

#[derive(Output)]
struct Made {
    letter: char,
}

fn main() {}
