use stillbox_sdk::Parameters;

#[derive(Parameters)]
struct Settings {
    #[parameter(defualt = 5)]
    misspelt: u32,
    #[parameter(default = 5)]
    optional: Option<u32>,
}

#[derive(Parameters)]
struct Unnamed(u32);

#[derive(Parameters)]
enum Fields {
    Unit,
    Tuple(u32),
}

#[derive(Parameters)]
struct Borrowed<'a> {
    text: &'a str,
}

#[derive(Parameters)]
#[parameters(validate = check)]
struct Checked {}

fn main() {}
