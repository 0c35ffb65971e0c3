//! What a derived schedule says of its stages, by its type alone: no device is needed.
#![cfg(feature = "derive")]

use vulkio::{
    CpuData, Encoder, GpuBuffer, GpuImage, Member, Members, Record, RenderTarget, Result, Run, Schedule, Stage, System,
    Uses,
};

struct Position;
struct Speed;
struct Score;

#[derive(System)]
#[reads(Speed)]
#[writes(Position)]
struct Move;

impl Run for Move {
    async fn run(&self, _: &Speed, _: &mut Position) -> Result<()> {
        Ok(())
    }
}

#[derive(System)]
struct Count {
    #[writes]
    score: CpuData<Score>,
}

impl Run for Count {
    async fn run(&self, (): (), _: &mut Score) -> Result<()> {
        Ok(())
    }
}

#[derive(System)]
#[reads(GpuBuffer<u32>)]
#[writes(GpuImage<RenderTarget>)]
#[system(name = "draw it")]
struct Draw;

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

/// The same picture, after another stage.
#[derive(System)]
#[writes(GpuImage<RenderTarget>)]
struct Overlay;

impl Record for Overlay {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

struct ByHand(&'static str);

impl System for ByHand {
    fn name(&self) -> &str {
        self.0
    }
    fn declare(&self, _: &mut Uses) {}
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

type Post = (Overlay, ByHand);

#[derive(Schedule)]
struct Game<S: System> {
    #[stage]
    simulate: (Move, Count),
    #[stage(name = "draw", after = "simulate")]
    pictures: (Draw, ByHand),
    #[stage(after = ["draw", "simulate"])]
    post: Post,
    #[stage(after = "draw")]
    last: ByHand,
    #[stage]
    own: (S,),
}

fn game() -> Game<ByHand> {
    Game {
        simulate: (Move, Count { score: CpuData::new(Score) }),
        pictures: (Draw, ByHand("sky")),
        post: (Overlay, ByHand("blur")),
        last: ByHand("last"),
        own: (ByHand("own"),),
    }
}

#[test]
fn a_schedule_has_its_stages_in_their_declared_order_with_their_systems() {
    assert_eq!(<Game<ByHand> as Schedule>::NAME, "Game");
    assert_eq!(
        <Game<ByHand> as Schedule>::STAGES,
        [
            Stage { name: "simulate", after: &[], members: 2 },
            Stage { name: "draw", after: &["simulate"], members: 2 },
            Stage { name: "post", after: &["draw", "simulate"], members: 2 },
            Stage { name: "last", after: &["draw"], members: 1 },
            Stage { name: "own", after: &[], members: 1 },
        ]
    );
    let game = game();
    let names: Vec<_> = <Game<ByHand> as Schedule>::STAGES
        .iter()
        .enumerate()
        .map(|(stage, said)| {
            let member = |index| game.member(stage, index).expect("as many as it says").name().to_owned();
            (0..said.members).map(member).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        names,
        [vec!["Move", "Count"], vec!["draw it", "sky"], vec!["Overlay", "blur"], vec!["last"], vec!["own"]]
    );
    assert!(game.member(0, 2).is_none() && game.member(3, 1).is_none() && game.member(5, 0).is_none());
    assert_eq!((<Post as Members>::COUNT, <ByHand as Members>::COUNT), (2, 1));
    let _: &dyn Member = &game.last;
    let _ = &game.simulate.1.score;
}

/// Counts beside others.
#[derive(System)]
#[reads(Speed = "of the left")]
#[writes(GpuBuffer<u32> as concurrent)]
struct CountLeft;

#[derive(System)]
#[reads(GpuBuffer<u32> = "of the right")]
#[writes(GpuBuffer<u32> as concurrent)]
struct CountRight;

/// Writes what others read, but for the instance.
#[derive(System)]
#[writes(Speed = "of the right", r#Position)]
struct Turn;

impl Record for CountLeft {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

impl Record for CountRight {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

impl Run for Turn {
    async fn run(&self, (): (), _: (&mut Speed, &mut Position)) -> Result<()> {
        Ok(())
    }
}

#[derive(Schedule)]
struct Crowd {
    #[stage]
    r#loop: (CountLeft, CountRight, Turn),
}

#[test]
fn concurrent_writers_and_users_of_other_instances_share_a_stage() {
    let crowd = Crowd { r#loop: (CountLeft, CountRight, Turn) };
    assert_eq!(Crowd::STAGES, [Stage { name: "loop", after: &[], members: 3 }]);
    assert_eq!(crowd.member(0, 2).map(Member::name), Some("Turn"));
}
