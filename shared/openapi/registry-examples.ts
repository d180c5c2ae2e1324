/** Registry documents and conflicts as the examples of both documents show them. */
export const DEVICE = { model: 'DDS-353', serial: '24-0117', role: 'customer', phase: 1, installedAt: '2026-02-11' };
export const DEVICE_VIEW = {
  ...{ _id: 'device:meter-7', _rev: '1-0b7566c5ad0f4d3a9c1b2e7f60d1a8e4', type: 'device', id: 'meter-7' },
  ...DEVICE,
  ...{ author: 'village:bamenda', editedAt: '2026-03-01T12:00:00.000Z', schemaVersion: 1 },
};

export const IF_MATCH = `"${DEVICE_VIEW._rev}"`;

export const CONFLICT = {
  ...{ _id: 'device:meter-7', type: 'device', id: 'meter-7', winner: '3-78b81fd7a3c94a3c8d1f7b0a55c2e9d6' },
  fields: {
    serial: [
      { rev: '1-0b75b1ce', value: '24-0119', author: 'amina', at: '2026-03-02T09:30:00.000Z' },
      { rev: '1-5f5e0a61', value: '24-0118', author: 'village:bamenda', at: '2026-03-02T08:00:00.000Z' },
    ],
  },
  versions: [
    {
      ...{ rev: '1-5f5e0a61', author: 'village:bamenda', at: '2026-03-02T08:00:00.000Z', deleted: false },
      doc: { ...DEVICE, serial: '24-0118' },
    },
    {
      ...{ rev: '1-0b75b1ce', author: 'amina', at: '2026-03-02T09:30:00.000Z', deleted: false },
      doc: { ...DEVICE, serial: '24-0119' },
    },
  ],
};

export const TRACE = {
  _id: 'trace:2026-03-01T12:00:00.000Z-4f1c:device:meter-7',
  ...{ of: 'device:meter-7', kind: 'edit', authors: ['village:bamenda'], at: '2026-03-01T12:00:00.000Z' },
  changes: { serial: { from: '24-0116', to: '24-0117' } },
};
