import { expect } from 'chai';
import { type FieldRow, fieldCells, fieldPolicies, tryCell } from './e2e-fields.ts';
import type { Mesh } from './e2e-mesh.ts';

/** Declares the cells of these rows as tests: a set of policies for each row, a verdict for each call. */
export function describeRows(rows: readonly FieldRow[], mesh: () => Mesh): void {
  for (const row of rows) {
    describe(`${row.field}, ${row.form}`, () => {
      const cells = fieldCells(row);
      let verdicts: readonly string[];

      before(async () => {
        await mesh().enforce(fieldPolicies(mesh(), row));
        verdicts = await Promise.all(cells.map((cell) => tryCell(mesh(), cell)));
      });

      for (const [index, { title, expected }] of cells.entries()) {
        it(title, () => {
          expect(verdicts[index]).to.equal(expected);
        });
      }
    });
  }
}
