use stillbox_sdk::{Input, Output};

#[derive(Input)]
struct Row<'a> {
    #[column(rename = "other")]
    text: &'a str,
    #[column(optional)]
    count: i64,
}

#[derive(Output)]
struct Made {
    #[column(optional)]
    text: Option<String>,
    #[column(rename = "other")]
    count: i64,
}

#[derive(Input)]
struct Unnamed(i64);

#[derive(Output)]
struct Generic<T> {
    value: T,
}

#[derive(Input)]
struct TwoLifetimes<'a, 'b> {
    one: &'a str,
    other: &'b str,
}

fn main() {}
