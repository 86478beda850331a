//! Peaks of resident memory.

use crate::figures::{Figures, Unit, in_turn, ratios};
use crate::print::{Line, heading};
use crate::process::peak;
use crate::scene::Scene;
use crate::text::BATCH_ROWS;

pub(crate) fn print(scene: &Scene) {
    heading("Memory: peak resident, text benchmark, 2 threads");
    let few = scene.input(scene.count(100_000));
    let few_pipeline = scene.text_pipeline(&few, BATCH_ROWS);
    // One name for fifty files that are the same, so that the disk need not hold them fifty times.
    let many = scene.path("many");
    std::fs::create_dir(&many).expect("the folder is new");
    for copy in 0..scene.count(50) {
        std::fs::hard_link(&few, many.join(format!("{copy:02}.jsonl"))).expect("links can be made");
    }
    let many_pipeline = scene.path("many.toml");
    let text = std::fs::read_to_string(&few_pipeline).expect("it was written");
    let text = text.replace(&format!("{:?}", few.display().to_string()), "\"many/*.jsonl\"");
    std::fs::write(&many_pipeline, text).expect("the folder can be written to");
    let [few, many, native] = in_turn(
        scene.rounds,
        [
            &mut || peak(&mut scene.stillbox(&few_pipeline, 2)),
            &mut || peak(&mut scene.stillbox(&many_pipeline, 2)),
            &mut || peak(&mut scene.native("arrow", &few, 2)),
        ],
    );
    let [few_figures, many_figures, native] = [&few, &many, &native].map(|samples| Figures::new(samples.clone()));
    Line::new("100000 rows", &few_figures, Unit::Memory).print();
    Line::new("5 million rows", &many_figures, Unit::Memory)
        .against("100000 rows", ratios(&many, &few))
        .target("at most 1.2 ×, below 150 MB")
        .print();
    Line::new("native through Arrow, 100000 rows", &native, Unit::Memory).print();
}
