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
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn types_are_removed_and_everything_else_stays() {
    let cases = [
        ("const a: number = 1;", "const a = 1;"),
        ("let b!: string;", "let b ;"),
        (
            "function f<T>(this: Window, a?: T, ...b: T[]): asserts a is T { return a!; }",
            "function f ( a , ...b ) { return a ; }",
        ),
        ("function f(a: string): void;\nfunction f(a: any) {}", "; function f(a ) {}"),
        ("export function g(): void;\nexport function g() {}", "; export function g() {}"),
        ("type A = { b: string };\nx();", "; x();"),
        ("export interface B<T> extends C<T> { d(): void }\nx();", "; x();"),
        ("declare const y: number;\ndeclare function z(): void;\ndeclare module 'm' {}", "; ; ;"),
        ("import type { A } from './a'; import { type B, c } from './c';", "; import { c } from './c';"),
        ("export type { A } from './a'; export { type B, c }; let c;", "; export { c }; let c;"),
        ("const x = y as unknown as string satisfies any; let y;", "const x = y ; let y;"),
        ("new Map<string, number[]>(); f<A, B>(1);", "new Map (); f (1);"),
        ("const f = async <T,>(a: T): Promise<T> => a;", "const f = async (a ) => a;"),
        ("const f = (a: number): {\n  b: string\n} => ({ b: '' });", "const f = (a ) => ({ b: '' });"),
        (
            "abstract class A<T> extends B<T> implements C, D<T> { private readonly e: T; static declare g: 1; \
             public static h?(): void {} [k: string]: any; abstract i(): void; override get j(): number { return 1 } }",
            "class A extends B { ; e ; ; ; static h () {} ; ; ; get j() { return 1 } }",
        ),
        ("export default abstract class A {}", "export default class A {}"),
        ("try {} catch (e: unknown) {}", "try {} catch (e ) {}"),
        ("const t = `${a as string}`; let a;", "const t = `${a }`; let a;"),
        ("for (const a of b as C[]) {}\nlet b;", "for (const a of b ) {} let b;"),
    ];
    for (source, expected) in cases {
        assert_eq!(stripped(source), expected, "{source}");
    }
}

#[test]
fn a_removed_type_does_not_join_two_lines() {
    assert_eq!(stripped("let a = b as any\n(c);\nlet b, c;"), "let a = b; (c); let b, c;");
    assert_eq!(stripped("let a = 1\ninterface B {}\n(c);\nlet c;"), "let a = 1 ; (c); let c;");
    assert_eq!(stripped("class A {\n  b = 1\n  public ['c'] = 2\n}"), "class A { b = 1 ; ['c'] = 2 }");
}

#[test]
fn syntax_that_is_not_a_type_is_an_error() {
    for source in [
        "enum A { B }",
        "export enum A { B }",
        "namespace A { export const b = 1 }",
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
    assert!(without_types(&"[".repeat(100_000)).is_err());
}
