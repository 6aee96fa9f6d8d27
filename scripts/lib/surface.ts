import { relative } from 'node:path';
import ts from 'typescript';
import type { EntryPoint } from './workspace.ts';

/**
 * The public surface of a package as Markdown: every exported name with its declaration, without comments, sorted by name; then the
 * names that are not exported themselves but that exported declarations show (a change there is a change for users as well).
 *
 * Reads built `.d.ts` files, since they are what users get: `@internal` members are gone, inferred types are written out.
 */
export function describeSurface(packageName: string, entries: readonly EntryPoint[], packageDir: string): string {
  const program = ts.createProgram(
    entries.map(({ types }) => types),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      skipLibCheck: true,
      noEmit: true,
    },
  );
  const reader = new SurfaceReader(program, packageDir);
  const sections = entries.map((entry) => reader.describeEntry(entry));
  return [
    `# Public surface of ${packageName}`,
    '',
    '<!-- Written by `pnpm surface --update`; do not edit. -->',
    ...sections,
    reader.describeReachable(),
    '',
  ].join('\n');
}

class SurfaceReader {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  readonly #packageDir: string;
  readonly #printer = ts.createPrinter({ removeComments: true });
  readonly #exported = new Set<ts.Symbol>();
  readonly #reachable = new Set<ts.Symbol>();

  constructor(program: ts.Program, packageDir: string) {
    this.#program = program;
    this.#packageDir = packageDir;
    this.#checker = program.getTypeChecker();
  }

  describeEntry({ specifier, types }: EntryPoint): string {
    const file = this.#program.getSourceFile(types);
    const module = file && this.#checker.getSymbolAtLocation(file);
    const names = module ? this.#checker.getExportsOfModule(module) : [];
    const declarations = names
      .map((symbol) => ({ name: symbol.name, target: this.#resolve(symbol) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, target }) => {
        this.#exported.add(target);
        const renamed = target.name === name ? [] : [`// ${target.name} as ${name}`];
        return [...renamed, this.#print(target)].join('\n');
      });
    return `\n## ${specifier}\n\n${names.length} names\n\n\`\`\`ts\n${declarations.join('\n')}\n\`\`\``;
  }

  /** Call after every entry was described. */
  describeReachable(): string {
    const seen = new Map<ts.Symbol, string>();
    const queue = [...this.#reachable];
    for (const symbol of queue) {
      if (this.#exported.has(symbol) || seen.has(symbol)) continue;
      const before = new Set(this.#reachable);
      seen.set(symbol, this.#print(symbol));
      queue.push(...[...this.#reachable].filter((other) => !before.has(other)));
    }
    if (seen.size === 0) return '';
    const lines = [...seen.values()].sort();
    return `\n## Shown by the above, not exported\n\n${lines.length} names\n\n\`\`\`ts\n${lines.join('\n')}\n\`\`\``;
  }

  #print(symbol: ts.Symbol): string {
    const texts = (symbol.declarations ?? []).map((declaration) => {
      const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      this.#collectReferences(statement);
      return this.#printSorted(statement, declaration.getSourceFile());
    });
    return texts.map((text) => text.replace(/^(export |declare |default )+/, '')).join('\n');
  }

  /**
   * In written-out types the compiler puts the options of a union and the fields of an object in the order in which it met them, which
   * an incremental build changes. They are sorted here, so that a snapshot differs only where the types do.
   */
  #printSorted(declaration: ts.Node, file: ts.SourceFile): string {
    const print = (node: ts.Node): string => this.#printer.printNode(ts.EmitHint.Unspecified, node, file);
    const sorted = <T extends ts.Node>(nodes: readonly T[]): T[] =>
      nodes
        .map((node) => ({ node, text: print(node) }))
        .sort((a, b) => (a.text < b.text ? -1 : 1))
        .map(({ node }) => node);
    const transformation = ts.transform(declaration, [
      (context) => {
        const visit = (node: ts.Node): ts.Node => {
          const inner = ts.visitEachChild(node, visit, context);
          if (ts.isUnionTypeNode(inner)) return context.factory.createUnionTypeNode(sorted(inner.types));
          if (ts.isTypeLiteralNode(inner) && inner.members.every(ts.isPropertySignature))
            return context.factory.createTypeLiteralNode(sorted(inner.members));
          return inner;
        };
        return visit;
      },
    ]);
    const text = print(transformation.transformed[0]!);
    transformation.dispose();
    return text;
  }

  #collectReferences(node: ts.Node): void {
    const visit = (child: ts.Node): void => {
      if (ts.isIdentifier(child)) {
        const symbol = this.#checker.getSymbolAtLocation(child);
        if (symbol) this.#collect(this.#resolve(symbol));
      }
      ts.forEachChild(child, visit);
    };
    visit(node);
  }

  /** Only top-level declarations of this package count; members and type parameters are printed with their owner. */
  #collect(symbol: ts.Symbol): void {
    const declaration = symbol.declarations?.[0];
    if (!declaration || this.#isForeign(declaration)) return;
    const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    if (ts.isSourceFile(statement.parent)) this.#reachable.add(symbol);
  }

  #isForeign(declaration: ts.Declaration): boolean {
    const path = relative(this.#packageDir, declaration.getSourceFile().fileName);
    return path.startsWith('..') || path.includes('node_modules');
  }

  #resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }
}
