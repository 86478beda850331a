//! Removing types: the result is the JavaScript that was meant, at the same places.

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;

use super::without_types;

/// Removes the types, and checks that the rest is JavaScript, at its place.
fn stripped(source: &str) -> String {
    let allocator = Allocator::default();
    let code = without_types(source).unwrap_or_else(|mistake| panic!("{source}: {mistake:?}"));
    assert_eq!(code.chars().count(), source.chars().count(), "{source}\n{code}");
    let reparsed = Parser::new(&allocator, &code, SourceType::mjs()).parse();
    assert!(reparsed.diagnostics.is_empty(), "{code}: {:?}", reparsed.diagnostics);
    for (before, after) in source.chars().zip(code.chars()) {
        assert_eq!(before == '\n', after == '\n', "{source}\n{code}");
    }
    code
}

#[test]
fn types_are_removed_and_everything_else_stays() {
    let cases = [
        ("const a: number = 1;", "const a         = 1;"),
        ("let b!: string;", "let b         ;"),
        (
            "function f<T>(this: Window, a?: T, ...b: T[]): asserts a is T { return a!; }",
            "function f   (              a    , ...b     )                 { return a ; }",
        ),
        ("function f(a: string): void;\nfunction f(a: any) {}", ";                           \nfunction f(a     ) {}"),
        ("export function g(): void;\nexport function g() {}", ";                         \nexport function g() {}"),
        ("type A = { b: string };\nx();", ";                      \nx();"),
        (
            "export interface B<T> extends C<T> { d(): void }\nx();",
            ";                                               \nx();",
        ),
        ("declare const y: number;\ndeclare module 'm' {}", ";                       \n;                    "),
        (
            "import type { A } from './a'; import { type B, c } from './c';",
            ";                             import {         c } from './c';",
        ),
        (
            "export type { A } from './a'; export { type B, c }; let c;",
            ";                             export {         c }; let c;",
        ),
        (
            "const x = y as unknown as string satisfies any; let y;",
            "const x = y                                   ; let y;",
        ),
        ("new Map<string, number[]>(); f<A, B>(1);", "new Map                  (); f      (1);"),
        ("const f = async <T,>(a: T): Promise<T> => a;", "const f = async     (a   )             => a;"),
        (
            "const f = (a: number): {\n  b: string\n} => ({ b: '' });",
            "const f = (a            \n           \n) => ({ b: '' });",
        ),
        ("export default abstract class A {}", "export default          class A {}"),
        ("try {} catch (e: unknown) {}", "try {} catch (e         ) {}"),
        ("const t = `${a as string}`; let a;", "const t = `${a          }`; let a;"),
        ("for (const a of b as C[]) {}\nlet b;", "for (const a of b       ) {}\nlet b;"),
        (
            "namespace A { export type B = 1; namespace C { interface D {} } }\nf();",
            ";                                                                \nf();",
        ),
        ("const 名 = '😀' as string, b: T = 1;", "const 名 = '😀'          , b    = 1;"),
    ];
    for (source, expected) in cases {
        assert_eq!(stripped(source), expected, "{source}");
    }
}

#[test]
fn types_of_classes_are_removed() {
    let cases = [
        (
            "abstract class A<T> extends B<T> implements C, D<T> {}",
            "         class A    extends B                       {}",
        ),
        ("class A { private readonly e: T; }", "class A { ;                e   ; }"),
        (
            "class A { static declare g: 1; abstract i(): void; }",
            "class A { ;                    ;                   }",
        ),
        ("class A { public static h?(x: T): void {} }", "class A { ;      static h (x   )       {} }"),
        (
            "class A { [k: string]: any; override get j(): number { return 1 } }",
            "class A { ;                 ;        get j()         { return 1 } }",
        ),
        (
            "class A { constructor(a: B); constructor(a: any) {} }",
            "class A { ;                  constructor(a     ) {} }",
        ),
        ("class A { accessor b: T = 1; readonly #c?: T; }", "class A { accessor b    = 1; ;        #c    ; }"),
    ];
    for (source, expected) in cases {
        assert_eq!(stripped(source), expected, "{source}");
    }
}

#[test]
fn a_removed_type_does_not_join_two_statements() {
    let cases = [
        ("let a = b as any\n(c);", "let a = b;      \n(c);"),
        ("let a = b satisfies any // d\n[c].e();", "let a = b;              // d\n[c].e();"),
        ("let a = b as any /* \n */ `c`;", "let a = b;       /* \n */ `c`;"),
        ("let a = b as C as D\u{2028}(c);", "let a = b     ;    \u{2028}(c);"),
        ("let a = 1\ninterface B {}\n(c);", "let a = 1\n;             \n(c);"),
        ("let a = 1\ntype B = 2\n[c].d();", "let a = 1\n;         \n[c].d();"),
        ("let a = 1\ndeclare const b: any\n(c);", "let a = 1\n;                   \n(c);"),
        ("f()\nimport type a from './a'\n(c);", "f()\n;                       \n(c);"),
        ("let a: any\n(c);", "let a     \n(c);"),
        ("class A {\n  b = 1\n  public ['c'] = 2\n}", "class A {\n  b = 1\n  ;      ['c'] = 2\n}"),
        ("class A {\n  b = 1\n  public *c() {}\n}", "class A {\n  b = 1\n  ;      *c() {}\n}"),
        ("class A {\n  b = 1 as any\n  ['c'] = 2\n}", "class A {\n  b = 1;      \n  ['c'] = 2\n}"),
        ("class A {\n  b = 1\n  declare d: T\n  ['c'] = 2\n}", "class A {\n  b = 1\n  ;           \n  ['c'] = 2\n}"),
        ("class A {\n  b: T\n  [k: string]: T\n  *c() {}\n}", "class A {\n  b   \n  ;             \n  *c() {}\n}"),
        ("class A {\n  get: T\n  b() {}\n}", "class A {\n  get;  \n  b() {}\n}"),
        ("class A {\n  static?: T\n  b() {}\n}", "class A {\n  static;   \n  b() {}\n}"),
        ("class A {\n  readonly set!: T\n  b(c) {}\n}", "class A {\n  ;        set;   \n  b(c) {}\n}"),
    ];
    for (source, expected) in cases {
        assert_eq!(stripped(source), expected, "{source}");
    }
}

#[test]
fn a_removed_type_does_not_split_a_statement() {
    let cases = [
        ("() => { return <\n  T,\n>(x: T): T => x; };", "() => { return (\n    \n  x   )    => x; };"),
        ("() => { throw <T\n>(x: T) => x; };", "() => { throw ( \n  x   ) => x; };"),
        ("function* g() { yield <\n  T>(x: T) => x; }", "function* g() { yield (\n     x   ) => x; }"),
        ("const f = async <\n  T,\n>(x: T) => x;", "const f = async (\n    \n  x   ) => x;"),
        ("const f = async <T>\n(\n): Promise<\nT> => 1;", "const f = async (  \n \n           \n ) => 1;"),
        ("function f<\n  T\n>(x: T) {}", "function f \n   \n (x   ) {}"),
        ("() => { return g<\n  T\n>(1); };", "() => { return g \n   \n (1); };"),
        ("const f = (a) // b\n  : T => 1;", "const f = (a  // b\n    ) => 1;"),
    ];
    for (source, expected) in cases {
        assert_eq!(stripped(source), expected, "{source}");
    }
}

#[test]
fn code_that_would_mean_something_else_without_types_is_an_error() {
    for source in ["x = 2 ** 2 as any ** 3;", "'use strict' as any; f();"] {
        let mistake = without_types(source).err().map(|mistake| mistake.message).unwrap_or_default();
        assert!(mistake.starts_with("without its types, the code would mean something else"), "{source}: {mistake}");
    }
    // The parser finds these.
    for source in ["x = 1 + 1 as any * 2;", "x = a ?? b as any && c;", "x = a && b as any ?? c;"] {
        assert!(without_types(source).is_err(), "{source}");
    }
    assert_eq!(stripped("x = (1 + 1 as any) * 2 as any - 1;"), "x = (1 + 1       ) * 2        - 1;");
}

#[test]
fn syntax_that_is_not_a_type_is_an_error() {
    for source in [
        "enum A { B }",
        "export enum A { B }",
        "namespace A { export const b = 1 }",
        "export namespace A { f() }",
        "class A { constructor(private b: string) {} }",
        "const a = <string>b;",
        "import a = require('a');",
        "export = 1;",
        "@a class B {}",
    ] {
        let mistake = without_types(source).expect_err(source);
        assert_eq!(mistake.line, 1, "{source}: {mistake:?}");
    }
    let mistake = without_types("let a = 1;\nlet b: = 2;\n").expect_err("it has a mistake");
    assert_eq!((mistake.line, mistake.column), (2, 8), "{mistake:?}");
    let mistake = without_types(&format!("let a =\n  {};", "[".repeat(100_000))).expect_err("it is too deep");
    assert_eq!((mistake.line, mistake.column), (2, 103), "{mistake:?}");
    assert_eq!(mistake.message, "more than 100 brackets within each other");
    let texts = format!("let a: string[] = [{}];", "':(', ".repeat(200));
    assert!(without_types(&texts).is_ok());
}
