//! Declarations that are wrong about what shaders do are refused with the names of pass, resource, pipeline and place, and with
//! what to write; and that, written, is enough.
#![cfg(feature = "glsl")]

mod checked;
mod common;

use checked::{
    Kit,
    Way::{self, *},
    Ways, compute, plain,
};
use common::{close, open, strict};

/// A compute shader, what it is given, a wrong declaration of that, what is said, and the right one.
struct Case {
    name: &'static str,
    /// The body of a shader that has `push.a`, `push.b`, `push.c` of words; or all of one.
    shader: &'static str,
    pushed: [Pushed; 3],
    wrong: Ways,
    /// The way, the buffer, the place.
    said: [&'static str; 3],
    /// What is declared, if anything.
    instead: &'static str,
    advice: &'static str,
    right: Ways,
}

/// What is in one of the three addresses that are pushed.
#[derive(Clone, Copy)]
enum Pushed {
    Null,
    /// The address of a buffer.
    Words(usize),
    /// An address somewhat behind that.
    Inside(usize),
    /// The address of data that begins with a number and holds these buffers' addresses from byte 8 on.
    Inner(&'static [usize]),
    /// The address of data that holds nothing but the address of such.
    Outer(&'static [usize]),
    /// The address of an array of these, each behind 8 other bytes.
    Objects(&'static [usize]),
}

use Pushed::{Inner, Inside, Null, Objects, Outer, Words};

const NOTHING: &str = "the pass did not declare it";
const READS: &str = "the pass declared only that it reads it";

const CASES: &[Case] = &[
    Case {
        name: "a store where a read is declared",
        shader: "push.a.at[0] = 1;",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "a store to what is not declared",
        shader: "push.a.at[0] = push.b.at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(1, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: NOTHING,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes), (1, Reads)],
    },
    Case {
        name: "a load of what is not declared",
        shader: "push.a.at[0] = push.b.at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes)],
        said: ["reads", "second", "`push.b`"],
        instead: NOTHING,
        advice: "add `.reads(&second)`",
        right: &[(0, Writes), (1, Reads)],
    },
    Case {
        name: "nothing is declared",
        shader: "push.c.at[0] = 1;",
        pushed: [Null, Null, Words(2)],
        wrong: &[],
        said: ["writes", "third", "`push.c`"],
        instead: NOTHING,
        advice: "add `.writes(&third)`",
        right: &[(2, Writes)],
    },
    Case {
        name: "two are swapped",
        shader: "push.a.at[0] = push.b.at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (1, Writes)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes), (1, Reads)],
    },
    Case {
        name: "another buffer is declared",
        shader: "push.a.at[0] = 1;",
        pushed: [Words(1), Null, Null],
        wrong: &[(0, Writes), (2, Writes)],
        said: ["writes", "second", "`push.a`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(1, Writes)],
    },
    Case {
        name: "an atomic where a read is declared",
        shader: "atomicAdd(push.a.at[0], 1);",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["reads and writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an atomic of several passes",
        shader: "atomicMax(push.a.at[0], 1);",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["reads and writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Concurrently)],
    },
    Case {
        name: "a compare and exchange",
        shader: "atomicCompSwap(push.a.at[1], 1, 2);",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["reads and writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an exchange",
        shader: "atomicExchange(push.a.at[1], 1);",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["reads and writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "a store in a branch",
        shader: "if (push.n > 100) { push.a.at[0] = 1; } else { push.b.at[0] = push.a.at[1]; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (1, Writes)],
        said: ["reads and writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes), (1, Writes)],
    },
    Case {
        name: "a store in a loop",
        shader: "Words w = push.b; for (uint i = 0; i < push.n; ++i) { w.at[i] = i; w = push.a; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(1, Writes), (0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes), (1, Writes)],
    },
    Case {
        name: "a copy source is not read by shaders",
        shader: "push.a.at[0] = push.b.at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes), (1, CopySource)],
        said: ["reads", "second", "`push.b`"],
        instead: "the pass declared only that it copies from it",
        advice: "add `.reads(&second)`",
        right: &[(0, Writes), (1, CopySource), (1, Reads)],
    },
    Case {
        name: "a copy target is not written by shaders",
        shader: "push.a.at[0] = 1;",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, CopyTarget)],
        said: ["writes", "first", "`push.a`"],
        instead: "the pass declared only that it copies to it",
        advice: "add `.writes(&first)`",
        right: &[(0, CopyTarget), (0, Writes)],
    },
    Case {
        name: "arguments are not read by shaders",
        shader: "push.a.at[0] = push.b.at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes), (1, Indirect)],
        said: ["reads", "second", "`push.b`"],
        instead: "the pass declared only that it takes arguments from it",
        advice: "add `.reads(&second)`",
        right: &[(0, Writes), (1, Indirect), (1, Reads)],
    },
    Case {
        name: "an address within a buffer",
        shader: "push.a.at[0] = 1;",
        pushed: [Inside(1), Null, Null],
        wrong: &[(1, Reads)],
        said: ["writes", "second", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&second)`",
        right: &[(1, Half)],
    },
    Case {
        name: "a store in a function",
        shader: "layout(push_constant, scalar) uniform Push { Words a; Words b; Words c; uint n; } push;
            void put(Words into, uint what) { into.at[0] = what; }
            void copy(Words from, Words into) { put(into, from.at[0]); }
            void main() { copy(push.a, push.b); }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (1, Reads)],
        said: ["writes", "second", "`push.b`"],
        instead: READS,
        advice: "add `.writes(&second)`",
        right: &[(0, Reads), (1, Writes)],
    },
    Case {
        name: "one function called for several buffers",
        shader: "layout(push_constant, scalar) uniform Push { Words a; Words b; Words c; uint n; } push;
            void copy(Words from, Words into) { into.at[0] = from.at[0]; }
            void main() { copy(push.a, push.b); copy(push.b, push.c); }",
        pushed: [Words(0), Words(1), Words(2)],
        wrong: &[(0, Reads), (1, Reads), (2, Writes)],
        said: ["reads and writes", "second", "`push.b`"],
        instead: READS,
        advice: "add `.writes(&second)`",
        right: &[(0, Reads), (1, Writes), (2, Writes)],
    },
    Case {
        name: "a structure of addresses handed on",
        shader: "struct Pair { Words from; Words into; };
            layout(push_constant, scalar) uniform Push { Pair pair; Words c; uint n; } push;
            void copy(Pair pair) { pair.into.at[0] = pair.from.at[0]; }
            void main() { Pair pair = push.pair; copy(pair); }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads)],
        said: ["writes", "second", "`push.pair.into`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(0, Reads), (1, Writes)],
    },
    Case {
        name: "an address that a function returns",
        shader: "layout(push_constant, scalar) uniform Push { Words a; Words b; Words c; uint n; } push;
            Words chosen() { return push.n > 3 ? push.a : push.b; }
            void main() { chosen().at[0] = 1; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes)],
        said: ["writes", "second", "`push.b`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(0, Writes), (1, Writes)],
    },
    Case {
        name: "an address as a number",
        shader: "layout(push_constant, scalar) uniform Push { uint64_t a; uint64_t b; uint64_t c; uint n; } push;
            void main() { Words(push.a + 16ul).at[0] = Constants(push.b).at[1]; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (1, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes), (1, Reads)],
    },
    Case {
        name: "an address as two words",
        shader: "layout(push_constant, scalar) uniform Push { uvec2 a; uvec2 b; Words c; uint n; } push;
            void main() { const uvec2 pair[2] = uvec2[](push.a, push.b); Words(push.a).at[0] = Words(pair[1]).at[0]; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes)],
        said: ["reads", "second", "`push.b`"],
        instead: NOTHING,
        advice: "add `.reads(&second)`",
        right: &[(0, Writes), (1, Reads)],
    },
    Case {
        name: "arithmetic on references",
        shader: "Word last = Word(push.a) + 3; last.it = 1;",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "another type of reference to the same",
        shader: "Wide wide = Wide(push.a); wide.at[0] = 1ul;",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "addresses in an array of push constants",
        shader: "layout(push_constant, scalar) uniform Push { Words all[3]; uint n; } push;
            void main() { push.all[1].at[0] = push.all[0].at[0]; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (1, Reads)],
        said: ["writes", "second", "`push.all[1]`"],
        instead: READS,
        advice: "add `.writes(&second)`",
        right: &[(0, Reads), (1, Writes)],
    },
    Case {
        name: "some of an array of push constants",
        shader: "layout(push_constant, scalar) uniform Push { Words all[3]; uint n; } push;
            void main() { push.all[push.n % 2].at[0] = 1; }",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Reads), (2, Writes)],
        said: ["writes", "first", "`push.all[..]`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an address in data",
        shader: "layout(push_constant, scalar) uniform Push { Inner data; Words b; Words c; uint n; } push;
            void main() { push.data.words.at[0] = push.data.n; }",
        pushed: [Inner(&[0]), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.data.words`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an address in an array in data",
        shader: "layout(push_constant, scalar) uniform Push { Inner data; Words b; Words c; uint n; } push;
            void main() { push.data.words.at[0] = push.data.others[1].at[0]; }",
        pushed: [Inner(&[0, 1, 2]), Null, Null],
        wrong: &[(0, Writes), (1, Reads)],
        said: ["reads", "third", "`push.data.others[1]`"],
        instead: NOTHING,
        advice: "add `.reads(&third)`",
        right: &[(0, Writes), (2, Reads)],
    },
    Case {
        name: "an address in data that data leads to",
        shader: "layout(push_constant, scalar) uniform Push { Outer data; Words b; Words c; uint n; } push;
            void main() { push.data.inner.words.at[0] = 1; }",
        pushed: [Outer(&[1]), Null, Null],
        wrong: &[(0, Writes)],
        said: ["writes", "second", "`push.data.inner.words`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(1, Writes)],
    },
    Case {
        name: "an address in one of many objects",
        shader: "layout(push_constant, scalar) uniform Push { Objects objects; Words b; Words c; uint n; } push;
            void main() { push.objects.at[gl_WorkGroupID.x].words.at[0] = 1; }",
        pushed: [Objects(&[0, 0]), Null, Null],
        wrong: &[(0, Reads), (1, Writes)],
        said: ["writes", "first", "`push.objects.at[..].words`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an object taken out of many",
        shader: "layout(push_constant, scalar) uniform Push { Objects objects; Words b; Words c; uint n; } push;
            void main() { Object object = push.objects.at[1]; object.words.at[0] = object.kind; }",
        pushed: [Objects(&[0, 1]), Null, Null],
        wrong: &[(0, Writes)],
        said: ["writes", "second", "`push.objects.at[1].words`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(1, Writes)],
    },
    Case {
        name: "an address in a local array",
        shader: "Words all[2] = Words[](push.a, push.b); all[push.n & 1].at[0] = 1;",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes)],
        said: ["writes", "second", "`push.b`"],
        instead: NOTHING,
        advice: "add `.writes(&second)`",
        right: &[(0, Writes), (1, Writes)],
    },
    Case {
        name: "an address in shared memory",
        shader: "layout(push_constant, scalar) uniform Push { uint64_t a; Words b; Words c; uint n; } push;
            shared uint64_t there;
            void main() { there = push.a; barrier(); Words(there).at[0] = 1; }",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an address that the subgroup agrees on",
        shader: "layout(push_constant, scalar) uniform Push { uvec2 a; Words b; Words c; uint n; } push;
            void main() { Words(subgroupBroadcastFirst(push.a)).at[0] = 1; }",
        pushed: [Words(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "an address without its lowest bits",
        shader: "layout(push_constant, scalar) uniform Push { uint64_t a; Words b; Words c; uint n; } push;
            void main() { Words(push.a & ~15ul).at[0] = 1; }",
        pushed: [Inside(0), Null, Null],
        wrong: &[(0, Reads)],
        said: ["writes", "first", "`push.a`"],
        instead: READS,
        advice: "add `.writes(&first)`",
        right: &[(0, Writes)],
    },
    Case {
        name: "a readonly reference reads",
        shader: "push.a.at[0] = Constants(push.b).at[0];",
        pushed: [Words(0), Words(1), Null],
        wrong: &[(0, Writes), (2, Reads)],
        said: ["reads", "second", "`push.b`"],
        instead: NOTHING,
        advice: "add `.reads(&second)`",
        right: &[(0, Writes), (1, Reads)],
    },
];

impl Pushed {
    /// The address, for which data may be written.
    fn address(self, cmd: &mut vulkio::Encoder<'_>, words: [u64; 3]) -> u64 {
        // As `Inner` lies in memory: an address, a word, two addresses.
        let inner = |buffers: &[usize]| {
            let mut fields = [0_u64, 7, 0, 0];
            for (place, &buffer) in [0, 2, 3].into_iter().zip(buffers) {
                fields[place] = words[buffer];
            }
            fields
        };
        match self {
            Null => 0,
            Words(buffer) => words[buffer],
            Inside(buffer) => words[buffer] + 20,
            Inner(buffers) => cmd.data(&inner(buffers)),
            Outer(buffers) => {
                let address = cmd.data(&inner(buffers));
                cmd.data(&[0_u64, address])
            }
            Objects(buffers) => {
                let objects: Vec<_> = buffers.iter().map(|&buffer| [7_u64, words[buffer]]).collect();
                cmd.data_slice(&objects)
            }
        }
    }
}

async fn outcome(kit: &Kit, case: &Case, spirv: &[u8], ways: &[(usize, Way)]) -> Result<(), String> {
    let (pipeline, words, pushed) = (kit.pipeline(case.name, spirv).await, kit.addresses(), case.pushed);
    kit.runs(ways, move |cmd| {
        let [a, b, c] = pushed.map(|pushed| pushed.address(cmd, words));
        cmd.bind(&pipeline).push(&[a, b, c, 0]).dispatch([1; 3]);
    })
    .await
}

#[tokio::test]
async fn a_wrong_declaration_is_told_with_all_names_and_the_right_one_runs() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    assert!(CASES.len() >= 30);
    let mut wrong = Vec::new();
    for case in CASES {
        let spirv = if case.shader.contains("void main") { compute(case.shader) } else { plain(case.shader) };
        let said = outcome(&kit, case, &spirv, case.wrong).await.err().unwrap_or_default();
        let [does, buffer, place] = case.said;
        // The same shader is the same pipeline, by whatever name it was asked for first.
        let what = format!("` {does} `{buffer}`, whose address it finds in {place}");
        let parts = ["pass `checked`", "the compute shader of pipeline `", &what, case.instead, case.advice];
        let lacks = parts.iter().filter(|part| !said.contains(**part));
        wrong.extend(lacks.map(|part| format!("{}: {said:?} lacks {part:?}", case.name)));
        if let Err(error) = outcome(&kit, case, &spirv, case.right).await {
            wrong.push(format!("{}, rightly declared: {error}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn where_checks_are_off_nothing_is_said() {
    let gpu = open(strict().checks(false));
    let kit = Kit::new(&gpu).await;
    let case = &CASES[0];
    assert_eq!(outcome(&kit, case, &plain(case.shader), case.wrong).await, Ok(()));
    drop(kit);
    close(gpu).await;
}
