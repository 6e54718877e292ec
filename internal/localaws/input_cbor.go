package localaws

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cborTime is the tag of seconds since 1970 (RFC 8949, section 3.4.2).
const cborTime = 1

func decodeAnyCBOR(body []byte) (any, error) {
	value, err := cbor.Decode(body)
	if err != nil {
		return nil, err
	}
	return fromCBOR(value)
}

// fromCBOR turns a value of CBOR into Go's own: numbers are json.Number, byte strings []byte, and times time.Time, of which
// nothing is kept but that they are times.
func fromCBOR(value cbor.Value) (any, error) {
	switch v := value.(type) {
	case cbor.Uint:
		return json.Number(strconv.FormatUint(uint64(v), 10)), nil
	case cbor.NegInt:
		return json.Number("-" + strconv.FormatUint(uint64(v), 10)), nil
	case cbor.Float32:
		return json.Number(strconv.FormatFloat(float64(v), 'e', -1, 32)), nil
	case cbor.Float64:
		return json.Number(strconv.FormatFloat(float64(v), 'e', -1, 64)), nil
	case cbor.Bool:
		return bool(v), nil
	case cbor.String:
		return string(v), nil
	case cbor.Slice:
		return []byte(v), nil
	case *cbor.Nil, *cbor.Undefined:
		return nil, nil
	case *cbor.Tag:
		if v.ID != cborTime {
			return nil, fmt.Errorf("no value has the CBOR tag %d", v.ID)
		}
		return time.Time{}, nil
	case cbor.List:
		list := make([]any, 0, len(v))
		for _, item := range v {
			plain, err := fromCBOR(item)
			if err != nil {
				return nil, err
			}
			list = append(list, plain)
		}
		return list, nil
	case cbor.Map:
		tree := make(map[string]any, len(v))
		for name, item := range v {
			plain, err := fromCBOR(item)
			if err != nil {
				return nil, err
			}
			tree[name] = plain
		}
		return tree, nil
	default:
		return nil, fmt.Errorf("no value is a CBOR %T", value)
	}
}
