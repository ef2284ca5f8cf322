/** Allocated IP addresses. */

/** The address of a network port. */
export type IpAllocation = {
  ip_address: string;
  /** Sorts in address order (`allocationKey`). */
  sort_key: string;
  subnet_id: string;
  port_id: string;
};
