use super::*;
use std::path::Path;

fn complain(text: &str) -> String {
    Config::parse(Path::new("p.toml"), text).expect_err("there is something wrong").to_string()
}

#[test]
fn probe() {
    for text in [
        "",
        "name = ",
        "[pipeline]\nname = \"x\"\nname = 5\nbatch-rows = \n[[source]]\npath = [1,\n[[sink]]\npath=\"x.csv\"",
        "[pipeline\nname='x'\n[[step]]\ncomponent=\"\n[[sonk]]",
        "x = \"\u{1b}[2J\"",
        "a\rb=1",
        "[[source]]\npath='a.csv'\n[source]\n[source.x]",
        "a = {b=1 c=2}",
    ] {
        println!("=== {text:?}\n{}", complain(text));
    }
    println!("{}", complain(&"[".repeat(1000)));
    println!("{}", complain(&format!("a = {}", "[".repeat(1000))));
    println!("{}", complain(&format!("[{}]\n{} = 1", vec!["a"; 1000].join("."), vec!["a"; 1000].join("."))));
    println!("{}", complain(&format!("a = {}1{}", "{b=".repeat(70), "}".repeat(70))));
    for text in [
        "[pipeline]\nname='/'\nbatch-rows=0\ndecsription=5\n[[sourc]]\npath='x'\n[[source]]\npath='data.json'\ncolumns={a='int',b={c='text'},d=5}\nformat='json'\n[[step]]\nname='a b'\ncomponent=''\nfrom=[]\n[[step]]\nname='s'\nparameters={x=nan,y=1979-05-27,z=99999999999999999999999}\nfrom=[1,'a']\n[[step]]\nname='s'\ncomponent='x.wasm'\n[step.parameters]\na=1\n[sink]\npath='-'\n",
    ] {
        println!("=== {text}\n{}", complain(text));
    }
}
