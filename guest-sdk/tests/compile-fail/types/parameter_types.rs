use stillbox_sdk::Parameters;

#[derive(Parameters)]
struct Unknown {
    duration: std::time::Duration,
}

#[derive(Parameters)]
struct Bounded {
    #[parameter(min = 1)]
    text: String,
}

#[derive(Parameters)]
struct Default {
    #[parameter(default = "five")]
    count: u32,
}

fn main() {}
