package segments

func (n both) holds(k *Known) bool {
	for _, part := range n {
		if !part.holds(k) {
			return false
		}
	}
	return true
}

func (n anyOf) holds(k *Known) bool {
	for _, part := range n {
		if part.holds(k) {
			return true
		}
	}
	return false
}

func (n opposite) holds(k *Known) bool  { return !n.of.holds(k) }
func (n always) holds(*Known) bool      { return bool(n) }
func (n is) holds(k *Known) bool        { return n.call.in.value(k, n.call).yes }
func (n inSegment) holds(k *Known) bool { return n.rule.root.holds(k) }

func (n hasValue) holds(k *Known) bool {
	v := n.of.in.value(k, n.of)
	return !v.nothing() && (v.typ != List || len(v.list) > 0)
}

func (n compare) holds(k *Known) bool {
	return n.call.in.value(k, n.call).amongst(n.op, values(n.with, k))
}

func (n contains) holds(k *Known) bool {
	for _, item := range n.call.in.value(k, n.call).list {
		if text(item).amongst("in", values(n.what, k)) {
			return true
		}
	}
	return false
}

func values(operands []operand, k *Known) []value {
	vs := make([]value, len(operands))
	for i, o := range operands {
		vs[i] = o.value(k)
	}
	return vs
}
