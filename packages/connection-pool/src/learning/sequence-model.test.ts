import { describe, expect, it } from 'vitest';
import { randomFrom } from '../testing/random.ts';
import { ANY_WORKFLOW, SequenceModel, SESSION_START } from './sequence-model.ts';

/** Feeds one session. */
function follow(model: SequenceModel, templates: readonly number[], workflow = ANY_WORKFLOW): void {
  const context: number[] = [SESSION_START];
  for (const template of templates) {
    model.observe(context, workflow, template, 10);
    context.unshift(template);
    context.length = Math.min(context.length, 3);
  }
}

describe('a sequence model', () => {
  it('knows nothing at first', () => {
    expect(new SequenceModel({ maxContexts: 64 }).predict([1], ANY_WORKFLOW)).toEqual([]);
  });

  it('tells branches apart that hang on the statement before', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    for (let i = 0; i < 50; i++) follow(model, i % 2 === 0 ? [1, 9, 2] : [3, 9, 4]);
    expect(model.predict([9, 1], ANY_WORKFLOW)[0]).toMatchObject({ template: 2 });
    expect(model.predict([9, 3], ANY_WORKFLOW)[0]).toMatchObject({ template: 4 });
    expect(model.predict([9, 1], ANY_WORKFLOW)[0]!.probability).toBeGreaterThan(0.9);
    expect(model.predict([9], ANY_WORKFLOW)[0]!.probability).toBeCloseTo(0.5, 1);
  });

  it('backs off to what it knows of shorter contexts', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    for (let i = 0; i < 50; i++) follow(model, [1, 2, 3]);
    expect(model.predict([2, 77, 78], ANY_WORKFLOW)[0]).toMatchObject({ template: 3 });
  });

  it('has little confidence in what it saw twice', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    follow(model, [1, 2, 1, 2]);
    expect(model.predict([1], ANY_WORKFLOW)[0]!.confidence).toBeLessThan(0.5);
    for (let i = 0; i < 100; i++) follow(model, [1, 2]);
    expect(model.predict([1], ANY_WORKFLOW)[0]!.confidence).toBeGreaterThan(0.9);
  });

  it('learns types of workflows apart, and uses what it knows of all where a type is new', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    for (let i = 0; i < 50; i++) {
      follow(model, [1, 2], 1);
      follow(model, [1, 3], 2);
    }
    expect(model.predict([1], 1)[0]).toMatchObject({ template: 2 });
    expect(model.predict([1], 2)[0]).toMatchObject({ template: 3 });
    expect(model.predict([1], 3).map(({ template }) => template)).toEqual(expect.arrayContaining([2, 3]));
  });

  it('follows a program that changes', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    for (let i = 0; i < 20_000; i++) follow(model, [1, 2]);
    for (let i = 0; i < 1500; i++) follow(model, [1, 3]);
    expect(model.predict([1], ANY_WORKFLOW)[0]).toMatchObject({ template: 3 });
  });

  it('forgets what is two generations old', () => {
    const model = new SequenceModel({ maxContexts: 1024 });
    follow(model, [1, 2, 1, 2]);
    model.turn();
    expect(model.successors([1]).get(2)).toMatchObject({ count: 2 });
    follow(model, [1, 2]);
    expect(model.successors([1]).get(2)).toMatchObject({ count: 3 });
    model.turn();
    expect(model.successors([1]).get(2)).toMatchObject({ count: 1 });
    model.turn();
    expect(model.predict([1], ANY_WORKFLOW)).toEqual([]);
    expect([...model.records()]).toEqual([]);
  });

  it('says probabilities that come true', () => {
    const model = new SequenceModel({ maxContexts: 4096 });
    const random = randomFrom(1);
    const context = [1];
    const bins = Array.from({ length: 10 }, () => ({ said: 0, came: 0, count: 0 }));
    for (let i = 0; i < 60_000; i++) {
      const share = 0.5 + 0.04 * context[0]!;
      const next = random() < share ? (context[0]! + 1) % 10 : Math.floor(random() * 10);
      const [best] = i > 5000 ? model.predict(context, ANY_WORKFLOW) : [];
      if (best) {
        const bin = bins[Math.min(9, Math.floor(best.probability * 10))]!;
        bin.said += best.probability;
        bin.count++;
        if (best.template === next + 1) bin.came++;
      }
      model.observe(context, ANY_WORKFLOW, next + 1, 1);
      context.unshift(next + 1);
      context.length = Math.min(context.length, 3);
    }
    for (const { said, came, count } of bins) if (count > 2000) expect(Math.abs(said - came) / count).toBeLessThan(0.05);
  });

  it('has a bound, and keeps what it sees often', () => {
    const model = new SequenceModel({ maxContexts: 4096 });
    const random = randomFrom(3);
    for (let i = 0; i < 20_000; i++) {
      const noise = Array.from({ length: 3 }, () => 100 + Math.floor(random() * 100_000));
      follow(model, [1, 2, 3, ...noise]);
    }
    expect([...model.records()].length).toBeLessThanOrEqual(4096);
    expect(model.bytes).toBeLessThan(4096 * 200);
    expect(model.predict([1, SESSION_START], ANY_WORKFLOW)[0]).toMatchObject({ template: 2 });
    expect(model.predict([2, 1], ANY_WORKFLOW)[0]).toMatchObject({ template: 3 });
  });

  it('grows without losing what it counted', () => {
    const model = new SequenceModel({ maxContexts: 65_536 });
    for (let round = 0; round < 2; round++)
      for (let template = 1; template <= 10_000; template++) model.observe([template], ANY_WORKFLOW, template + 1, 5);
    for (const template of [1, 777, 10_000]) expect(model.successors([template]).get(template + 1)).toEqual({ count: 2, delayMs: 5 });
  });
});
