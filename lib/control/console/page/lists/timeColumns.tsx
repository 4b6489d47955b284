/** The columns of when something was created and when it expires. */
import { Time } from "../parts/badge.tsx";
import type { Column } from "./table.tsx";

interface Timed {
  created_at: string;
  expires_at?: string | undefined;
}

export function timeColumns<Row extends Timed>(): readonly Column<Row>[] {
  return [
    {
      id: "created",
      label: "Created",
      width: "6.5rem",
      isWide: true,
      render: ({ created_at }) => <Time at={created_at} />,
    },
    {
      id: "expires",
      label: "Expires",
      width: "6.5rem",
      isWide: true,
      render: ({ expires_at: at }) =>
        at === undefined ? "never" : <Time at={at} isFuture={true} />,
    },
  ];
}
