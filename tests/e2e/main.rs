//! x
#[test]
fn a() {
    println!("{:?}", stillbox_test_guests::ALL);
}
