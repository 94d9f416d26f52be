/// Reads the pages of a list: `next` of a page has the parameters of the page after it.
///
/// Limits: rows_max rows; the answer says whether there are more.
export interface Page<Row> {
  rows: Row[];
  next: string | object | null | undefined;
}

export interface AllRows<Row> {
  rows: Row[];
  more: boolean;
}

/// `next` is the text of `after`, or an object of several parameters.
export const nextQuery = (next: string | object): Record<string, string> =>
  typeof next === "string" ? { after: next } : { ...(next as Record<string, string>) };

export async function allPages<Row>(
  read: (query: Record<string, string>) => Promise<Page<Row>>, rowsMax = 10_000): Promise<AllRows<Row>> {
  const rows: Row[] = [];
  let query: Record<string, string> = {};
  for (;;) {
    const page = await read(query);
    for (const row of page.rows)
      rows.push(row);
    if (page.next === null || page.next === undefined || page.next === "")
      return { rows, more: false };
    if (rows.length >= rowsMax || page.rows.length === 0)
      return { rows, more: true };
    query = nextQuery(page.next);
  }
}
