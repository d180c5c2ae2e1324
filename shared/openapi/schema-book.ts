/**
 * Turns the zod schemas of one document into JSON Schema 2020-12: named ones once, under `#/components/schemas`, others
 * where they are used, with references to the named ones within them.
 */
import { z } from 'zod';

export type JsonObject = Record<string, unknown>;

const INLINE = 'inline-';

export class SchemaBook {
  readonly #named: ReadonlyMap<z.ZodType, string>;
  readonly #registry = z.registry<{ id: string }>();
  readonly #places: JsonObject[] = [];

  /** Names go by the schema itself: a copy of it, such as `.describe` makes, is another one. */
  constructor(named: Readonly<Record<string, z.ZodType>>) {
    this.#named = new Map(Object.entries(named).map(([id, schema]) => [schema, id] as const));
    for (const [schema, id] of this.#named) this.#registry.add(schema, { id });
  }

  /** What stands for a schema at one place; complete once `components` was called. */
  use(schema: z.ZodType): JsonObject {
    const id = this.#named.get(schema);
    if (id !== undefined) return { $ref: referenceTo(id) };
    // A copy, or other schemas would refer to this place.
    this.#registry.add(schema.clone(), { id: `${INLINE}${this.#places.length}` });
    const place: JsonObject = {};
    this.#places.push(place);
    return place;
  }

  /** The named schemas. Fills the places of the others. */
  components(): Record<string, JsonObject> {
    const { schemas } = z.toJSONSchema(this.#registry, { io: 'input', unrepresentable: 'any', uri: referenceTo });
    const components: Record<string, JsonObject> = {};
    for (const [id, { $schema: _, $id: __, ...schema }] of Object.entries(schemas)) {
      const place = id.startsWith(INLINE) ? this.#places[Number(id.slice(INLINE.length))] : undefined;
      if (place) Object.assign(place, schema);
      else components[id] = schema;
    }
    return components;
  }
}

function referenceTo(id: string): string {
  return `#/components/schemas/${id}`;
}
